import { Temporal } from 'temporal-polyfill/full'
import { assert } from './assert.ts'
import { BoundedMap } from './bounded-map.ts'

/** A stretch of time in which a zone's clocks keep one offset: from `fromMs` until before `untilMs`, in epoch milliseconds. */
type Span = Readonly<{ fromMs: number; untilMs: number; offsetMs: number }>

type Zone = { readonly name: string; readonly isKnown: boolean; readonly spans: Span[]; latest: Span }

const utc: Span = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY, offsetMs: 0 }

/** No zone has ever moved its clocks by more than a day (Samoa, Manila and Alaska skipped or repeated one). */
const longestShiftMs = 25 * 3_600_000
const zoneLimit = 1024
const spanLimit = 256

/**
 * Asking Temporal costs microseconds and a sweep asks millions of times, so the spans it has told are kept: two a year
 * where clocks change, one for decades where they do not. Both memos are bounded and only ever hold what Temporal says.
 */
const zones = new BoundedMap<string, Zone>(zoneLimit)

/** True for an IANA name, a link to one, or `UTC`. A bare offset is refused: it knows no daylight saving. */
export function isTimeZone(name: string): boolean {
  const asked = zones.get(name)
  if (asked !== undefined) return asked.isKnown
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name)
    return true
  } catch {
    return false
  }
}

/** What the zone's clocks show minus UTC at the instant, in milliseconds. */
export function zoneOffsetAt(epochMs: number, timeZone: string): number {
  return spanAt(epochMs, zoneNamed(timeZone)).offsetMs
}

/**
 * The instant at which the zone's clocks show a wall-clock time, given as if it were UTC. A time they skip moves forward by
 * what they skip, of a time they show twice the first counts (Temporal's `compatible`).
 */
export function instantInZone(localMs: number, timeZone: string): number {
  const { before, after } = spansAround(localMs, zoneNamed(timeZone))
  const earlier = localMs - before.offsetMs
  if (before === after || earlier < before.untilMs) return earlier
  const later = localMs - after.offsetMs
  return later < after.fromMs ? earlier : later
}

/** The same for the first instant that shows this time or a later one: a midnight that is skipped gives the skip itself. */
export function firstInstantInZone(localMs: number, timeZone: string): number {
  const { before, after } = spansAround(localMs, zoneNamed(timeZone))
  const earlier = localMs - before.offsetMs
  if (before === after || earlier < before.untilMs) return earlier
  return Math.max(localMs - after.offsetMs, after.fromMs)
}

/** The one span that a wall-clock time can lie in, or the two at whose border it is skipped, repeated or near. */
function spansAround(localMs: number, zone: Zone): { before: Span; after: Span } {
  const near = spanAt(localMs - zone.latest.offsetMs, zone)
  const guessMs = localMs - near.offsetMs
  if (guessMs - longestShiftMs >= near.fromMs && guessMs + longestShiftMs < near.untilMs) return { before: near, after: near }
  const before = spanAt(guessMs - longestShiftMs, zone)
  const after = spanAt(guessMs + longestShiftMs, zone)
  assert(before === after || before.untilMs === after.fromMs, `The clocks of ${zone.name} changed twice within two days.`)
  return { before, after }
}

function spanAt(epochMs: number, zone: Zone): Span {
  const { latest } = zone
  if (epochMs >= latest.fromMs && epochMs < latest.untilMs) return latest
  let span = zone.spans.find((known) => epochMs >= known.fromMs && epochMs < known.untilMs)
  if (span === undefined) {
    span = askSpan(epochMs, zone.name)
    if (zone.spans.length >= spanLimit) zone.spans.length = 0
    zone.spans.push(span)
  }
  zone.latest = span
  return span
}

function zoneNamed(name: string): Zone {
  return zones.getOrMake(name, zoneFor)
}

/** Callers name zones that are known. One that was stored, and that this runtime does not know any more, counts as UTC. */
function zoneFor(name: string): Zone {
  const isKnown = isTimeZone(name)
  const latest = isKnown ? askSpan(0, name) : utc
  return { name, isKnown, spans: [latest], latest }
}

function askSpan(epochMs: number, timeZone: string): Span {
  const at = Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(timeZone)
  // A change at this very instant belongs to the span, and `previous` only looks at what lies before.
  const from = at.add({ milliseconds: 1 }).getTimeZoneTransition('previous')
  const until = at.getTimeZoneTransition('next')
  return {
    fromMs: from?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
    untilMs: until?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
    offsetMs: at.offsetNanoseconds / 1_000_000
  }
}
