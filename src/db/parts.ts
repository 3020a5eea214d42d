import { setImmediate as nextTurn } from 'node:timers/promises'

/** What a part holds is worked on in some milliseconds. */
const PART = 500

/** The columns of so many rows are made in some milliseconds. */
export const ROWS_PER_WRITE = 2_000

/** Long work a part at a time: between two parts the event loop answers whoever asks. */
export async function* inParts<T>(items: readonly T[], size = PART): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await nextTurn()
    yield items.slice(at, at + size)
  }
}

export async function mapInParts<T, R>(items: readonly T[], map: (item: T) => R): Promise<R[]> {
  const mapped: R[] = []
  for await (const part of inParts(items)) for (const item of part) mapped.push(map(item))
  return mapped
}

export { nextTurn }
