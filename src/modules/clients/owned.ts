import type { Reader, Tx } from '../../db/client.ts'

/**
 * In which order clients are locked, so that two transactions over the same ones cannot wait for each other: those without a parent
 * before those with one, by id.
 */
export const lockOrder = '(c.parent_id is not null), c.id'

type Owned = Readonly<{ clientId: string; version: number }>

/** The version of what belongs to a client, read with the client locked: nobody moves it from then on until the transaction ends. */
export function versionWithClientLocked(
  clients: Readonly<{ lock: (tx: Tx, id: string) => Promise<unknown> }>,
  get: (reader: Reader, id: string) => Promise<Owned>
): (tx: Tx, id: string) => Promise<number> {
  return async (tx, id) => {
    await clients.lock(tx, (await get(tx, id)).clientId)
    return (await get(tx, id)).version
  }
}
