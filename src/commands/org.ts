import { parseArgs } from 'node:util'
import { UsageError } from './command.ts'
import { offline } from './offline.ts'
import { createOrganization } from './organization.ts'

export const usage = 'usage: dunwell org create --name N --time-zone Z --currency C [--mode live|test] [--json]\n'

/** Makes an organization; its key is printed this once. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      'time-zone': { type: 'string' },
      currency: { type: 'string' },
      mode: { type: 'string', default: 'live' },
      json: { type: 'boolean', default: false }
    }
  })
  const { name, currency, mode, 'time-zone': timeZone } = values
  const isMode = mode === 'live' || mode === 'test'
  if (positionals.join(' ') !== 'create') throw new UsageError('The only subcommand is: create.')
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
