import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'

export type Stored = Readonly<{ fingerprint: string; status: number; body: string; sealed: boolean }>

const selectKey = statement<Stored>(
  'idempotency.find',
  'select fingerprint, status, body, sealed from idempotency_keys where org_id = $1 and key = $2'
)
const insertKey = statement<{ key: string }>(
  'idempotency.insert',
  `insert into idempotency_keys (org_id, key, fingerprint, status, body, sealed, created_at) values ($1, $2, $3, $4, $5, $6, $7)`
)
const deleteOld = statement<{ key: string }>(
  'idempotency.forget',
  `delete from idempotency_keys where org_id = $1 and key = any(array(
     select key from idempotency_keys where org_id = $1 and created_at < $2 limit $3)) returning key`
)

export async function find(reader: Reader, key: string): Promise<Stored | undefined> {
  const [found] = await reader.run(selectKey, [reader.orgId, key])
  return found
}

/**
 * The last write of its transaction. It waits for who is about to commit the same key, and where they do, nothing of this
 * transaction is kept: it fails.
 */
export function insert(tx: Tx, { key, now, ...stored }: Stored & { key: string; now: Date }): void {
  const { fingerprint, status, body, sealed } = stored
  tx.write(insertKey, [tx.orgId, key, fingerprint, status, body, sealed, now])
}

/** Writes what a key's row is, now, in a transaction that is rolled back: whether the database takes it. */
export async function rehearse(tx: Tx, { key, body, now }: { key: string; body: string; now: Date }): Promise<void> {
  await tx.run(insertKey, [tx.orgId, key, '', 200, body, false, now])
}

/** @returns how many keys older than `before` were forgotten, at most `limit`. */
export async function forget(tx: Tx, { before, limit }: { before: Date; limit: number }): Promise<number> {
  return (await tx.run(deleteOld, [tx.orgId, before, limit])).length
}

const selectSealed = statement<SealedAnswer>(
  'idempotency.sealed_otherwise',
  'select key, body from idempotency_keys where org_id = $1 and sealed and not starts_with(body, $2) order by key for update'
)
const writeSealed = statement<{ key: string }>(
  'idempotency.reseal',
  `update idempotency_keys k set body = t.body from unnest($2::text[], $3::text[]) as t(key, body) where k.org_id = $1 and k.key = t.key`
)

type SealedAnswer = Readonly<{ key: string; body: string }>

/** Answers with a secret that another key than this one has sealed, locked. */
export function sealedOtherwise(tx: Tx, keyId: string): Promise<SealedAnswer[]> {
  return tx.run(selectSealed, [tx.orgId, `${keyId}.`])
}

export async function rewrite(tx: Tx, answers: readonly SealedAnswer[]): Promise<void> {
  await tx.run(writeSealed, [tx.orgId, answers.map(({ key }) => key), answers.map(({ body }) => body)])
}
