/**
 * A step of each in turn, so that one that has much to do does not make the others wait. A member leaves the ring when a step of it finds
 * nothing to do, and comes back when another step of it, under way at the same time, finds something.
 */
export async function inTurns(
  ids: Iterable<string>,
  { step, concurrency, signal }: { step: (id: string) => Promise<boolean>; concurrency: number; signal: AbortSignal | undefined }
): Promise<void> {
  const ring = new Set(ids)
  const underWay = new Set<Promise<unknown>>()
  async function next(id: string): Promise<void> {
    ring.delete(id)
    ring.add(id)
    if (await step(id)) ring.add(id)
    else ring.delete(id)
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
