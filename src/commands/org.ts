import { parseArgs } from 'node:util'
import { UsageError } from './command.ts'
import { ITEMS, idOf, limitOf, textOf } from './limits.ts'
import { offline } from './offline.ts'
import { createOrganization } from './organization.ts'

export const usage = `usage: dunwell org create --name N --time-zone Z --currency C [--mode live|test] [--json]
       dunwell org limits --org ID [--items N|default] [--connections N|default] [--json]

create  makes an organization with its first key.
limits  shows how many items a minute all keys of an organization may ask for in each process, and how many connections its requests use at
        a time while others ask, too, and sets them: 0 items is no limit, default that of DUNWELL_ORGANIZATION_RATE_LIMIT and
        DUNWELL_ORGANIZATION_CONNECTIONS. Every process follows within a second.
`

const CONNECTIONS = { min: 1, max: 200 } as const

/** Makes an organization, whose key is printed this once, or limits one. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      'time-zone': { type: 'string' },
      currency: { type: 'string' },
      mode: { type: 'string', default: 'live' },
      org: { type: 'string' },
      items: { type: 'string' },
      connections: { type: 'string' },
      json: { type: 'boolean', default: false }
    }
  })
  const subcommand = positionals.join(' ')
  if (subcommand === 'create') return create(values, environment)
  if (subcommand === 'limits') return limit(values, environment)
  throw new UsageError('The subcommands are: create, limits.')
}

type Text = string | undefined
type Creation = Readonly<{ name?: Text; 'time-zone'?: Text; currency?: Text; mode: string; json: boolean }>

async function create(values: Creation, environment: NodeJS.ProcessEnv): Promise<number> {
  const { name, currency, mode, 'time-zone': timeZone } = values
  const isMode = mode === 'live' || mode === 'test'
  if (name === undefined || timeZone === undefined || currency === undefined) {
    throw new UsageError('--name, --time-zone and --currency are required.')
  }
  if (!isMode) throw new UsageError(`--mode ${mode}: live or test.`)
  const made = await offline(environment, (parts) => createOrganization(parts, { name, timeZone, currency, mode }))
  process.stdout.write(
    values.json
      ? `${JSON.stringify(made)}\n`
      : `Organization  ${made.id}\nKey           ${made.key}\n\nThe key is shown this once.\n`
  )
  return 0
}

type Limiting = Readonly<{ org?: Text; items?: Text; connections?: Text; json: boolean }>

async function limit({ org: orgText, items, connections, json }: Limiting, environment: NodeJS.ProcessEnv): Promise<number> {
  const org = idOf('org', 'an organization', orgText)
  const change = {
    ...(items !== undefined && { itemsPerMinute: limitOf('items', items, ITEMS) }),
    ...(connections !== undefined && { connections: limitOf('connections', connections, CONNECTIONS) })
  }
  const limits = await offline(environment, ({ database, services }) =>
    database.scoped(org, (tx) => services.apiKeys.setOrganizationLimits(tx, change))
  )
  process.stdout.write(textOf({ items_per_minute: limits.itemsPerMinute, connections: limits.connections }, json))
  return 0
}
