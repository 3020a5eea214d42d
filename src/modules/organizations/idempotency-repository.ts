import type { Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { assert } from '../../kernel/assert.ts'

export type Stored = Readonly<{ fingerprint: string; status: number; body: string; sealed: boolean }>

// A key that is there has its answer, for they commit together: one without is the one just made. Where there was one, nothing
// changes, but its answer comes back in the same trip, after the wait for who was about to commit it.
const claimKey = statement<Omit<Stored, 'status' | 'body'> & { status: number | null; body: string | null }>(
  'idempotency.claim',
  `insert into idempotency_keys (org_id, key, fingerprint, sealed, created_at) values ($1, $2, $3, false, $4)
   on conflict (org_id, key) do update set key = excluded.key
   returning fingerprint, status, body, sealed`
)
const storeAnswer = statement<{ key: string }>(
  'idempotency.store',
  `update idempotency_keys set status = $3, body = $4, sealed = $5 where org_id = $1 and key = $2`
)
const deleteOld = statement<{ key: string }>(
  'idempotency.forget',
  `delete from idempotency_keys where org_id = $1 and key = any(array(
     select key from idempotency_keys where org_id = $1 and created_at < $2 limit $3)) returning key`
)

/** Takes the key, or waits for who holds it and returns what they stored. */
export async function claim(tx: Tx, input: { key: string; fingerprint: string; now: Date }): Promise<Stored | undefined> {
  const [found] = await tx.run(claimKey, [tx.orgId, input.key, input.fingerprint, input.now])
  assert(found !== undefined, 'a key is made or found')
  const { fingerprint, status, body, sealed } = found
  return status === null || body === null ? undefined : { fingerprint, status, body, sealed }
}

/** The last write of its transaction. */
export function store(tx: Tx, answer: { key: string; status: number; body: string; sealed: boolean }): void {
  tx.write(storeAnswer, [tx.orgId, answer.key, answer.status, answer.body, answer.sealed])
}

/** @returns how many keys older than `before` were forgotten, at most `limit`. */
export async function forget(tx: Tx, { before, limit }: { before: Date; limit: number }): Promise<number> {
  return (await tx.run(deleteOld, [tx.orgId, before, limit])).length
}
