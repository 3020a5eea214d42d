import { parseArgs } from 'node:util'
import { offline } from './offline.ts'

export const usage = `usage: dunwell migrate

Brings the schema of the database at DATABASE_URL up to date. Several at once wait for each other. A migration waits two seconds
for a lock, says who holds it, lets the others by and tries again, for ten minutes at most. It can be ended at any time.
`

/** Brings the schema up to date and ends. Several at once wait for each other. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  parseArgs({ args: argv, options: {} })
  await offline({ ...environment, DUNWELL_MIGRATE_ON_START: 'true' }, async () => {})
  process.stdout.write('The schema is up to date.\n')
  return 0
}
