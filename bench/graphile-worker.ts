import pg from 'pg'
import type { Send } from './delivery-worker.ts'
import type { Outcome, Sending, Yardstick } from './yardstick.ts'

/** What is used of the package, which is installed only when the bench runs. */
type Runner = Readonly<{ stop: () => Promise<void> }>
type Package = Readonly<{
  run: (options: object) => Promise<Runner>
  runMigrations: (options: object) => Promise<void>
  Logger: new (factory: () => () => void) => object
}>
const PACKAGE = 'graphile-worker'

/** Jobs under way, of which as many post at a time as there are sockets, while the others wait for the log. */
const JOBS_AT_A_TIME = 512
/** Jobs fetched by one statement, and how long jobs that are done are gathered to be deleted by one. */
const FETCHED = 500
const GATHERED_MS = 10

export async function startGraphileWorker(databaseUrl: string): Promise<Yardstick> {
  const { run, runMigrations, Logger } = (await import(PACKAGE)) as Package
  const logger = new Logger(() => () => {})
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 })
  const preset = {
    worker: {
      connectionString: databaseUrl,
      maxPoolSize: 10,
      concurrentJobs: JOBS_AT_A_TIME,
      localQueue: { size: FETCHED },
      completeJobBatchDelay: GATHERED_MS,
      failJobBatchDelay: GATHERED_MS
    }
  }
  await runMigrations({ preset, logger })
  return {
    name: PACKAGE,
    async queue(sends) {
      await pool.query(addJobs, [JSON.stringify(sends.map((payload) => ({ identifier: 'send', payload })))])
    },
    async deliver(count, sending) {
      const log = gathering(sending)
      const done = Promise.withResolvers<void>()
      let left = count
      const send = async (payload: unknown) => {
        await log(await sending.send(payload as Send))
        if (--left === 0) done.resolve()
      }
      const runner = await run({ preset, logger, taskList: { send }, noHandleSignals: true })
      await done.promise
      await runner.stop()
      await expectNothing(pool)
    },
    stop: () => pool.end()
  }
}

const addJobs = `
  select count(*) from graphile_worker.add_jobs(array(
    select json_populate_record(null::graphile_worker.job_spec, one) from json_array_elements($1::json) as t(one)
  ))`

/** A job is not done before it is logged, and a statement for each would cost more than the rest: they wait a moment for each other. */
function gathering({ log }: Sending): (outcome: Outcome) => Promise<void> {
  let gathered: Outcome[] = []
  let written: Promise<void> | undefined
  return (outcome) => {
    gathered.push(outcome)
    written ??= new Promise<void>((resolve) => setTimeout(resolve, GATHERED_MS)).then(() => {
      const outcomes = gathered
      gathered = []
      written = undefined
      return log(outcomes)
    })
    return written
  }
}

async function expectNothing(pool: pg.Pool): Promise<void> {
  const { rowCount } = await pool.query('select from graphile_worker._private_jobs limit 1')
  if (rowCount !== 0) throw new Error('graphile-worker left jobs.')
}
