import { offline } from './offline.ts'

/** Brings the schema up to date and ends. Several at once wait for each other. */
export async function run(_argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  await offline({ ...environment, DUNWELL_MIGRATE_ON_START: 'true' }, async () => {})
  process.stdout.write('The schema is up to date.\n')
  return 0
}
