/**
 * A step of each in turn, so that one that has much to do does not make the others wait. A member leaves the ring when a step of it finds
 * nothing to do, and comes back when another step of it, under way at the same time, finds something; that it found nothing says no more
 * where another one found something meanwhile, whose rows it may have passed over.
 */
export async function inTurns(
  ids: Iterable<string>,
  { step, concurrency, signal }: { step: (id: string) => Promise<boolean>; concurrency: number; signal: AbortSignal | undefined }
): Promise<void> {
  const ring = new Set(ids)
  const found = new Map<string, number>()
  const underWay = new Set<Promise<unknown>>()
  async function next(id: string): Promise<void> {
    ring.delete(id)
    ring.add(id)
    const before = found.get(id)
    if (await step(id)) {
      found.set(id, (found.get(id) ?? 0) + 1)
      ring.add(id)
    } else if (found.get(id) === before) ring.delete(id)
  }
  async function work(): Promise<void> {
    while (signal?.aborted !== true) {
      const [id] = ring
      if (id === undefined) {
        if (underWay.size === 0) return
        await Promise.race(underWay)
        continue
      }
      const one = next(id)
      underWay.add(one)
      await one.finally(() => underWay.delete(one))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
}
