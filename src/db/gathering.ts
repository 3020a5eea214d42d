import type { Tx } from './client.ts'

/**
 * Looks once before the commit at all that a transaction named, however often: at the state that its changes led to, and not at one in
 * between.
 * @param look gets the context of who named something first, and the ids of everything that was named.
 */
export function createGathering<Context>(look: (tx: Tx, context: Context, ids: readonly string[]) => Promise<void>) {
  const byTransaction = new WeakMap<Tx, Set<string>>()
  return (tx: Tx, context: Context, ids: readonly string[]): void => {
    const known = byTransaction.get(tx)
    const named = known ?? new Set<string>()
    for (const id of ids) named.add(id)
    if (known !== undefined) return
    byTransaction.set(tx, named)
    tx.beforeCommit(async () => {
      byTransaction.delete(tx)
      await look(tx, context, [...named])
    })
  }
}
