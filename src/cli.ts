import './node-version.ts'
import './loading.ts'
import { runCommand } from './commands/command.ts'
import { commands } from './commands/commands.ts'
import { processEnvironment } from './config.ts'
import { withoutQueries } from './db/errors.ts'

const USAGE = `Dunwell, a headless receivables service

usage: dunwell <command>; --help after a command shows its arguments

  serve                                   answer HTTP, sweep and deliver; what a process does: DUNWELL_ROLES
  migrate                                 bring the database's schema up to date
  demo [--ledger FILE] [options]          walk a ledger through dunning and check every webhook
  org create --name N --time-zone Z --currency C [--mode live|test]
                                          make an organization; prints its first key, this once
  key create --org ID --name N [--scopes read,write,admin]
                                          make a key for an organization
  evaluate LEDGER.csv [options]           score a ledger forward in time and say how right that was
  reseal [--json]                         seal webhook secrets with DUNWELL_SECRET_KEY that one of DUNWELL_OTHER_SECRET_KEYS sealed
  verify [--json]                         hold the books of every organization against the invariants
  backup-check [--json]                   say whether pg_dump as this database user writes a whole dump
`

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(USAGE)
    return name === undefined ? 1 : 0
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) {
    process.stderr.write(`There is no command ${name}.\n\n${USAGE}`)
    return 1
  }
  return runCommand(await load(), rest, processEnvironment())
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    const shown = withoutQueries(error)
    process.stderr.write(`${shown instanceof Error ? shown.message : String(shown)}\n`)
    process.exitCode = 1
  }
)
