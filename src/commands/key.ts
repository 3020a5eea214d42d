import { parseArgs } from 'node:util'
import { type Scope, scopes } from '../modules/organizations/api-key.ts'
import { UsageError } from './command.ts'
import { offline } from './offline.ts'

export const usage = `usage: dunwell key create --org ID --name N [--scopes ${scopes.join(',')}] [--json]\n`
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Makes a key for an organization; it is printed this once. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      org: { type: 'string' },
      name: { type: 'string' },
      scopes: { type: 'string', default: 'admin' },
      json: { type: 'boolean', default: false }
    }
  })
  const { org, name } = values
  const wanted = values.scopes.split(',')
  const areScopes = wanted.every((scope): scope is Scope => (scopes as readonly string[]).includes(scope))
  if (positionals.join(' ') !== 'create') throw new UsageError('The only subcommand is: create.')
  if (org === undefined || !UUID.test(org)) throw new UsageError('--org is the id of an organization, a UUID.')
  if (name === undefined) throw new UsageError('--name is required.')
  if (!areScopes) throw new UsageError(`--scopes ${values.scopes}: some of ${scopes.join(',')}.`)
  const text = await offline(environment, ({ database, services }) =>
    database.scoped(org, async (tx) => {
      const { organization } = await services.organizations.books(tx)
      return (await services.apiKeys.create(tx, { mode: organization.mode, name, scopes: wanted, expiresAt: null })).text
    })
  )
  process.stdout.write(values.json ? `${JSON.stringify({ key: text })}\n` : `Key  ${text}\n\nIt is shown this once.\n`)
  return 0
}
