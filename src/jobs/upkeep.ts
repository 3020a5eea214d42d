import { checkBooks } from '../checks/books.ts'
import type { Database } from '../db/client.ts'
import { statement } from '../db/statement.ts'
import type { Clock } from '../kernel/clock.ts'
import { forget } from '../modules/organizations/idempotency-repository.ts'
import type { Services } from '../services.ts'
import type { Log } from './loop.ts'

export type UpkeepDeps = Readonly<{ services: Pick<Services, 'organizations'>; database: Database; clock: Clock; log: Log }>

const DAY_MS = 86_400_000
const KEYS_KEPT_DAYS = 7
const KEYS_PER_BATCH = 5_000
const MONTHS_AHEAD = 3
const ORGANIZATIONS_PER_LOOK = 500
const OPERATOR = '00000000-0000-0000-0000-000000000000'

const makePartitions = statement<{ made: null }>(
  'upkeep.make_attempt_partitions',
  'select dunwell_make_attempt_partitions($1::timestamptz, $2::int)'
)

/** The nightly pass: partitions made ahead, idempotency keys forgotten, books held against the invariants. Real time. */
export function createUpkeepJob({ services: { organizations }, database, clock, log }: UpkeepDeps) {
  async function forgetKeys(orgId: string): Promise<void> {
    const before = new Date(clock.now().getTime() - KEYS_KEPT_DAYS * DAY_MS)
    for (let forgotten = KEYS_PER_BATCH; forgotten === KEYS_PER_BATCH; ) {
      forgotten = await database.scoped(orgId, (tx) => forget(tx, { before, limit: KEYS_PER_BATCH }))
    }
  }

  async function check(orgId: string): Promise<void> {
    const broken = (await database.reading(orgId, checkBooks)).filter((found) => found.broken.length > 0)
    for (const { name, broken: ids } of broken)
      log.error({ organization: orgId, ids }, `the books are wrong: not true that ${name}`)
  }

  return {
    async run(signal: AbortSignal): Promise<void> {
      await database.scoped(OPERATOR, (tx) => tx.run(makePartitions, [clock.now(), MONTHS_AHEAD]))
      await forgetKeys(OPERATOR)
      let after = OPERATOR
      for (;;) {
        const ids = await database.scheduling((scheduler) =>
          organizations.organizationsAfter(scheduler, { after, limit: ORGANIZATIONS_PER_LOOK })
        )
        for (const orgId of ids) {
          if (signal.aborted) return
          await forgetKeys(orgId)
          await check(orgId)
        }
        const last = ids.at(-1)
        if (last === undefined) return
        after = last
      }
    }
  }
}
