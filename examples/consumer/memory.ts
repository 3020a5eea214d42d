import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Told } from './letters.ts'

export type Subscribed = Readonly<{ id: string; secret: string }>
/** An event that was taken and is still to be worked on. `isMissed` ones were fetched, because no webhook brought them. */
export type Waiting = Readonly<{ id: string; event: Told; isMissed: boolean }>

type Line = Partial<
  Readonly<{
    subscribed: Subscribed
    taken: Waiting
    done: string
    told: string[]
    first: string
    last: string
    seen: string[]
    versions: [string, number][]
  }>
>

/** More than come while one of them may come again. */
const SEEN_MAX = 100_000

export type Memory = ReturnType<typeof openMemory>

/**
 * What outlives the process: a file of JSON lines that only grows, written before a webhook is answered. It begins anew, shorter, at each
 * start. A real consumer has tables for this: the events with their id as the key, and the highest version beside each object.
 */
export function openMemory(file: string) {
  const [seen, told] = [new Set<string>(), new Set<string>()]
  const [versions, waiting] = [new Map<string, number>(), new Map<string, Waiting>()]
  let subscribed: Subscribed | undefined
  let first: string | undefined
  let last: string | undefined

  function remember(line: Line): void {
    for (const id of line.seen ?? []) seen.add(id)
    for (const entry of line.told ?? []) told.add(entry)
    for (const [id, version] of line.versions ?? []) versions.set(id, version)
    if (line.taken !== undefined) {
      const { id, version } = line.taken.event.data.object
      seen.add(line.taken.id)
      waiting.set(line.taken.id, line.taken)
      versions.set(id, Math.max(version, versions.get(id) ?? 0))
    }
    if (line.done !== undefined) waiting.delete(line.done)
    subscribed = line.subscribed ?? subscribed
    first = line.first ?? first
    last = line.last ?? last
  }

  function write(line: Line): void {
    appendFileSync(file, `${JSON.stringify(line)}\n`)
    remember(line)
  }

  function compact(): void {
    const kept: Line = {
      ...(subscribed && { subscribed }),
      ...(first !== undefined && { first }),
      ...(last !== undefined && { last }),
      seen: [...seen].slice(-SEEN_MAX),
      told: [...told].slice(-SEEN_MAX),
      versions: [...versions]
    }
    const lines: Line[] = [kept, ...[...waiting.values()].map((taken) => ({ taken }))]
    // The secret is in it.
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 })
  }

  mkdirSync(dirname(file), { recursive: true })
  for (const text of linesIn(file)) remember(JSON.parse(text) as Line)
  compact()

  return {
    subscribed: () => subscribed,
    /** The event before the first that is its business. */
    first: () => first,
    /** The event up to which all were taken. */
    last: () => last,
    waiting: () => [...waiting.values()],
    isWaiting: (id: string) => waiting.has(id),
    hasTaken: (id: string) => seen.has(id),

    /** @returns false where it was taken before. */
    take(one: Waiting): boolean {
      if (seen.has(one.id)) return false
      write({ taken: one })
      return true
    },
    /** Whether a newer state of its object is known. Events of one change have the same version, so equal is not older. */
    isOvertaken: ({ data: { object } }: Told) => object.version < (versions.get(object.id) ?? 0),
    /** @param entry the stage entry that a client was told of. */
    done: (id: string, entry?: string) => write({ done: id, ...(entry !== undefined && { told: [entry] }) }),
    hasTold: (entry: string) => told.has(entry),
    reached: (id: string) => write({ last: id }),
    startsAfter: (id: string) => write({ first: id, last: id }),

    /** A new subscription, perhaps with another service: what was known of the former one means nothing any more. */
    begin(next: Subscribed): void {
      for (const old of [seen, told, versions, waiting]) old.clear()
      first = undefined
      last = undefined
      subscribed = next
      compact()
    }
  }
}

function linesIn(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(isWhole)
  } catch {
    return []
  }
}

/** A process that dies while it writes leaves half a line, of an event that it had not answered yet. */
function isWhole(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
