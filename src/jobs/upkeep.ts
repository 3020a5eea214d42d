import { checkBooks } from '../checks/books.ts'
import type { Database, Tx } from '../db/client.ts'
import { isLockTimeout, isOfOtherPartition } from '../db/errors.ts'
import { type Statement, statement } from '../db/statement.ts'
import { everyOrganization } from '../every-organization.ts'
import type { Clock } from '../kernel/clock.ts'
import { OPERATOR_ORG_ID } from '../modules/organizations/api-key.ts'
import { forget } from '../modules/organizations/idempotency-repository.ts'
import type { Services } from '../services.ts'
import type { Log } from './loop.ts'

/** How long what is erased is kept. */
export type Kept = Readonly<{ attemptDays: number; bodyDays: number }>

export type UpkeepDeps = Readonly<{
  services: Pick<Services, 'organizations' | 'events' | 'sealHeadersInTheClear'>
  database: Database
  clock: Clock
  kept: Kept
  log: Log
}>

const DAY_MS = 86_400_000
const KEYS_KEPT_DAYS = 7
const ROWS_PER_BATCH = 5_000
const MONTHS_AHEAD = 3

const makePartitions = statement<{ made: null }>(
  'upkeep.make_attempt_partitions',
  'select dunwell_make_attempt_partitions($1::timestamptz, $2::int)'
)

const dropPartitions = statement<{ dropped: number }>(
  'upkeep.drop_attempt_partitions',
  'select dunwell_drop_attempt_partitions($1::timestamptz) as dropped'
)

/** One process at a time: two would wait for each other until both give up. */
const beginMonths = statement<{ mine: boolean }>(
  'upkeep.begin_months',
  `select pg_try_advisory_xact_lock(hashtext('dunwell months of attempts')) as mine, set_config('lock_timeout', '500ms', true)`
)

/** What time makes necessary. Real time. */
export function createUpkeepJob({ services, database, clock, kept, log }: UpkeepDeps) {
  const daysAgo = (days: number) => new Date(clock.now().getTime() - days * DAY_MS)

  /** @param monthsLeft so many more months may get an attempt between the look at them and the lock: next time it is seen */
  async function unlessInUse(
    change: Statement<object>,
    parameters: readonly unknown[],
    monthsLeft = MONTHS_AHEAD
  ): Promise<void> {
    try {
      await database.scoped(OPERATOR_ORG_ID, async (tx) => {
        const [begun] = await tx.run(beginMonths, [])
        if (begun?.mine === true) await tx.run(change, parameters)
      })
    } catch (error) {
      if (isOfOtherPartition(error) && monthsLeft > 0) return unlessInUse(change, parameters, monthsLeft - 1)
      if (!isLockTimeout(error)) throw error
      log.warn({ job: 'months of attempts' }, 'somebody reads the attempts for long: their months are left as they are for now')
    }
  }

  /** A batch at a time: nothing that is at work waits for long. */
  async function eraseAll(orgId: string, erase: (tx: Tx, limit: number) => Promise<number>): Promise<void> {
    for (let erased = ROWS_PER_BATCH; erased === ROWS_PER_BATCH; ) {
      erased = await database.scoped(orgId, (tx) => erase(tx, ROWS_PER_BATCH))
    }
  }

  const forgetKeys = (orgId: string) => eraseAll(orgId, (tx, limit) => forget(tx, { before: daysAgo(KEYS_KEPT_DAYS), limit }))

  async function check(orgId: string): Promise<void> {
    const broken = (await database.reading(orgId, checkBooks)).filter((found) => found.broken.length > 0)
    for (const { name, broken: ids } of broken)
      log.error({ organization: orgId, ids }, `the books are wrong: not true that ${name}`)
  }

  return {
    /**
     * Months of attempts, made ahead and dropped after. Both lock the whole table, and behind a lock that waits every outcome waits:
     * while somebody reads it for long, as a backup does, they are left to the next time.
     */
    async keepMonths(): Promise<void> {
      await unlessInUse(makePartitions, [clock.now(), MONTHS_AHEAD])
      await unlessInUse(dropPartitions, [daysAgo(kept.attemptDays)])
    },

    /** The nightly pass: what is kept no longer is erased, what should be sealed is, and the books are held against the invariants. */
    async run(signal: AbortSignal): Promise<void> {
      await forgetKeys(OPERATOR_ORG_ID)
      for await (const orgId of everyOrganization(database, services)) {
        if (signal.aborted) return
        await forgetKeys(orgId)
        await eraseAll(orgId, (tx, limit) => services.events.eraseBodies(tx, { before: daysAgo(kept.bodyDays), limit }))
        await database.scoped(orgId, services.sealHeadersInTheClear)
        await check(orgId)
      }
    }
  }
}
