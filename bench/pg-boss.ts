import type { Send } from './delivery-worker.ts'
import type { Yardstick } from './yardstick.ts'

/** What is used of the package, which is installed only when the bench runs. */
type Job = Readonly<{ id: string; data: Send }>
type Result = Readonly<{ id: string; status: 'completed' | 'failed' }>
type Boss = Readonly<{
  on: (event: 'error', listener: (error: Error) => void) => void
  start: () => Promise<unknown>
  stop: (options: object) => Promise<void>
  createQueue: (name: string, options: object) => Promise<void>
  insert: (name: string, jobs: readonly object[]) => Promise<unknown>
  work: (name: string, options: object, handler: (jobs: readonly Job[]) => Promise<readonly Result[]>) => Promise<string>
  offWork: (name: string, options: object) => Promise<void>
  deleteAllJobs: (name: string) => Promise<void>
  getQueueStats: (name: string) => Promise<Readonly<{ queuedCount: number; activeCount: number }>>
}>
type Package = Readonly<{ PgBoss: new (options: object) => Boss }>
const PACKAGE = 'pg-boss'
const QUEUE = 'send'

/** Jobs that are fetched by one statement, logged by one and completed by one; and how many such batches are under way. */
const BATCH = 256
const BATCHES_AT_A_TIME = 8

export async function startPgBoss(databaseUrl: string): Promise<Yardstick> {
  const { PgBoss } = (await import(PACKAGE)) as Package
  const boss = new PgBoss({ connectionString: databaseUrl, max: 10, supervise: false, schedule: false })
  const failed = Promise.withResolvers<never>()
  boss.on('error', failed.reject)
  await boss.start()
  await boss.createQueue(QUEUE, { retryLimit: 9 })
  const how = {
    batchSize: BATCH,
    localConcurrency: BATCHES_AT_A_TIME,
    // Without it, one failed POST would send all the others of its batch again.
    perJobResults: true,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5
  }
  return {
    name: PACKAGE,
    async queue(sends) {
      await boss.deleteAllJobs(QUEUE)
      await boss.insert(
        QUEUE,
        sends.map((data) => ({ data }))
      )
    },
    async deliver(count, sending) {
      const done = Promise.withResolvers<void>()
      let left = count
      await boss.work(QUEUE, how, async (jobs) => {
        const settled = await Promise.allSettled(jobs.map(({ data }) => sending.send(data)))
        await sending.log(settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])))
        left -= jobs.length
        if (left === 0) done.resolve()
        return jobs.map(({ id }, n) => ({ id, status: settled[n]?.status === 'fulfilled' ? 'completed' : 'failed' }))
      })
      await Promise.race([done.promise, failed.promise])
      await boss.offWork(QUEUE, { wait: true })
      const { queuedCount, activeCount } = await boss.getQueueStats(QUEUE)
      if (queuedCount + activeCount > 0) throw new Error('pg-boss left jobs.')
    },
    stop: () => boss.stop({ graceful: false, close: true })
  }
}
