import type { EpochDay } from '../modules/risk/invoice-facts.ts'

/** Things that happen on days to come; of one day in the order in which they were noted. */
export function createAgenda<T>() {
  const days = new Map<EpochDay, T[]>()
  let passed: EpochDay | undefined

  return {
    note(day: EpochDay, item: T): void {
      const others = days.get(day)
      if (others === undefined) days.set(day, [item])
      else others.push(item)
    },
    /** Takes out what happens from the last day asked for through this one. Days come in order. */
    *through(day: EpochDay): Generator<T> {
      for (let at = passed === undefined ? day : passed + 1; at <= day; at += 1) {
        yield* days.get(at) ?? []
        days.delete(at)
      }
      passed = day
    }
  }
}
