import { parseArgs } from 'node:util'
import { databaseUrlOf } from '../config.ts'
import { type BackupState, readBackupState } from '../db/backup.ts'

export const usage = `usage: dunwell backup-check [--json]

Checks whether pg_dump as the user of DATABASE_URL writes a whole dump, and whether the database was restored with its roles. The exit
code is 1 if not. It needs no secret key.
`

/** Run before each backup, and after each restore. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { values } = parseArgs({ args: argv, options: { json: { type: 'boolean', default: false } } })
  const state = await readBackupState(databaseUrlOf(environment))
  const problems = problemsOf(state)
  const text = problems.length === 0 ? `A dump by ${state.user} has all of ${state.tables} tables.` : problems.join('\n')
  process.stdout.write(values.json ? `${JSON.stringify({ ...state, problems })}\n` : `${text}\n`)
  return problems.length === 0 ? 0 : 1
}

/** Each obstacle with its remedy; empty for a database that can be dumped whole. */
export function problemsOf({ user, seesAll, unreadable, tables, unprotected }: BackupState): string[] {
  const problems: string[] = []
  if (tables === 0) problems.push('There are no tables of Dunwell in this database. Is it the right one, and migrated?')
  if (!seesAll || unreadable.length > 0) {
    const why = seesAll ? `may not read ${unreadable.join(', ')}` : 'sees no rows, because row-level security applies to it'
    problems.push(`A dump by ${user} would not be whole: it ${why}. Make a user for backups, as a superuser:`, ...BACKUP_USER)
  }
  if (unprotected.length > 0) {
    problems.push(
      `Without row-level security or its policy: ${unprotected.join(', ')}. Was the database restored without its roles? Restore it again, roles first (docs/backup-and-restore.md).`
    )
  }
  return problems
}

const BACKUP_USER = ["  create role dunwell_backup login bypassrls password '…';", '  grant pg_read_all_data to dunwell_backup;']
