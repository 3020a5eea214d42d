import { parseArgs } from 'node:util'
import { type Scope, scopes } from '../modules/organizations/api-key.ts'
import { UsageError } from './command.ts'
import { ITEMS, idOf, limitOf, textOf } from './limits.ts'
import { offline } from './offline.ts'

export const usage = `usage: dunwell key create --org ID --name N [--scopes ${scopes.join(',')}] [--json]
       dunwell key limits --org ID --key ID [--items N|default] [--json]

create  makes a key for an organization.
limits  shows how many items a minute a key may ask for, and sets it: 0 is no limit, default that of DUNWELL_RATE_LIMIT.
        Every process follows within a second.
`

/** Makes a key for an organization, which is printed this once, or limits one. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      org: { type: 'string' },
      name: { type: 'string' },
      scopes: { type: 'string', default: 'admin' },
      key: { type: 'string' },
      items: { type: 'string' },
      json: { type: 'boolean', default: false }
    }
  })
  const subcommand = positionals.join(' ')
  if (subcommand === 'create') return create(values, environment)
  if (subcommand === 'limits') return limit(values, environment)
  throw new UsageError('The subcommands are: create, limits.')
}

type Creation = Readonly<{ org?: string | undefined; name?: string | undefined; scopes: string; json: boolean }>

async function create({ org: orgText, name, scopes: listed, json }: Creation, environment: NodeJS.ProcessEnv): Promise<number> {
  const wanted = listed.split(',')
  const areScopes = wanted.every((scope): scope is Scope => (scopes as readonly string[]).includes(scope))
  const org = idOf('org', 'an organization', orgText)
  if (name === undefined) throw new UsageError('--name is required.')
  if (!areScopes) throw new UsageError(`--scopes ${listed}: some of ${scopes.join(',')}.`)
  const text = await offline(environment, ({ database, services }) =>
    database.scoped(org, async (tx) => {
      const { organization } = await services.organizations.books(tx)
      return (await services.apiKeys.create(tx, { mode: organization.mode, name, scopes: wanted, expiresAt: null })).text
    })
  )
  process.stdout.write(json ? `${JSON.stringify({ key: text })}\n` : `Key  ${text}\n\nIt is shown this once.\n`)
  return 0
}

type Limiting = Readonly<{ org?: string | undefined; key?: string | undefined; items?: string | undefined; json: boolean }>

async function limit({ org: orgText, key: keyText, items, json }: Limiting, environment: NodeJS.ProcessEnv): Promise<number> {
  const [org, key] = [idOf('org', 'an organization', orgText), idOf('key', 'a key', keyText)]
  const change = items === undefined ? {} : { itemsPerMinute: limitOf('items', items, ITEMS) }
  const limits = await offline(environment, ({ database, services }) =>
    database.scoped(org, (tx) => services.apiKeys.setKeyLimits(tx, key, change))
  )
  process.stdout.write(textOf({ items_per_minute: limits.itemsPerMinute }, json))
  return 0
}
