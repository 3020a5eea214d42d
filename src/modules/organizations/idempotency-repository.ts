import type { Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'

export type Stored = Readonly<{ fingerprint: string; status: number; body: string; sealed: boolean }>

const insertKey = statement<{ key: string }>(
  'idempotency.claim',
  `insert into idempotency_keys (org_id, key, fingerprint, sealed, created_at) values ($1, $2, $3, false, $4)
   on conflict do nothing returning key`
)
const selectKey = statement<Stored>(
  'idempotency.find',
  `select fingerprint, status, body, sealed from idempotency_keys where org_id = $1 and key = $2`
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
  const [mine] = await tx.run(insertKey, [tx.orgId, input.key, input.fingerprint, input.now])
  if (mine !== undefined) return undefined
  const [first] = await tx.run(selectKey, [tx.orgId, input.key])
  return first
}

export async function store(tx: Tx, answer: { key: string; status: number; body: string; sealed: boolean }): Promise<void> {
  await tx.run(storeAnswer, [tx.orgId, answer.key, answer.status, answer.body, answer.sealed])
}

/** @returns how many keys older than `before` were forgotten, at most `limit`. */
export async function forget(tx: Tx, { before, limit }: { before: Date; limit: number }): Promise<number> {
  return (await tx.run(deleteOld, [tx.orgId, before, limit])).length
}
