import { addDays, type Day, maxDay, startOfDay } from '../kernel/day.ts'
import type { LedgerRow } from './ledger.ts'

/** Money that arrives for an invoice. */
export type Receipt = Readonly<{ row: LedgerRow; on: Day; amountMinor: bigint }>

/** What is posted at one instant: 00:00 of a day in the zone of the clients it concerns. An act of a story is played at its own. */
export type Stop = Readonly<{ at: Date; invoices: LedgerRow[]; receipts: Receipt[]; act?: () => Promise<void> }>

export type Timeline = Readonly<{
  /** The organization's zone: the one of most invoices, UTC where they name none. */
  timeZone: string
  /** Of each client that has one of its own. */
  zoneOf: ReadonlyMap<string, string>
  /** Where the clock begins: 00:00 of the first day, or earlier where a client's first day begins earlier. */
  startAt: Date
  firstOn: Day
  lastIssueOn: Day
  /** When the organization's last issue day ends. */
  issuedAt: Date
  /** The last day that is walked, to its end in every zone. */
  lastOn: Day
  endAt: Date
  /** In the order of time. */
  stops: readonly Stop[]
}>

export type TimelineOptions = Readonly<{
  /** Days that are walked after the last movement. */
  daysAfter: number
  /** The day on which an invoice is posted; its issue day unless said. Not before that. */
  postedOn?: (row: LedgerRow) => Day
}>

/**
 * Lays a ledger out in time. Each client lives by its own zone: an invoice is posted at 00:00 local of its issue day, a payment at
 * 00:00 local of its day, or on the day its invoice is posted where it is dated before. The rows are not empty.
 */
export function timelineOf(
  rows: readonly LedgerRow[],
  { daysAfter, postedOn = (row) => row.issuedOn }: TimelineOptions
): Timeline {
  const timeZone = mostCommon(rows.map((row) => row.timeZone ?? 'UTC'))
  const zoneOf = new Map<string, string>()
  for (const row of rows) if (row.timeZone !== undefined && !zoneOf.has(row.client)) zoneOf.set(row.client, row.timeZone)
  const stops = new Map<number, Stop>()
  const stopAt = (day: Day, row: LedgerRow): Stop => {
    const at = startOfDay(day, zoneOf.get(row.client) ?? timeZone)
    const stop = stops.get(at.getTime()) ?? { at, invoices: [], receipts: [] }
    stops.set(at.getTime(), stop)
    return stop
  }
  const issueDays: Day[] = []
  const days: Day[] = []
  for (const row of rows) {
    const posted = postedOn(row)
    issueDays.push(posted)
    stopAt(posted, row).invoices.push(row)
    for (const { on, amountMinor } of row.payments) {
      days.push(maxDay(on, posted))
      stopAt(maxDay(on, posted), row).receipts.push({ row, on, amountMinor })
    }
  }
  const ordered = [...stops.values()].sort((a, b) => a.at.getTime() - b.at.getTime())
  const firstOn = earliest(issueDays)
  const lastIssueOn = latest(issueDays)
  const lastOn = addDays(maxDay(lastIssueOn, latest([...days, lastIssueOn])), daysAfter)
  const ends = [timeZone, ...zoneOf.values()].map((zone) => startOfDay(addDays(lastOn, 1), zone).getTime())
  const startMs = Math.min(startOfDay(firstOn, timeZone).getTime(), ordered[0]?.at.getTime() ?? Number.POSITIVE_INFINITY)
  return {
    ...{ timeZone, zoneOf, firstOn, lastIssueOn, lastOn, stops: ordered },
    startAt: new Date(startMs),
    issuedAt: startOfDay(addDays(lastIssueOn, 1), timeZone),
    endAt: new Date(Math.max(...ends))
  }
}

function mostCommon(zones: readonly string[]): string {
  const counted = [...Map.groupBy(zones, (zone) => zone)].map(([zone, { length }]) => ({ zone, length }))
  return counted.sort((a, b) => b.length - a.length || (a.zone < b.zone ? -1 : 1))[0]?.zone ?? 'UTC'
}

function earliest(days: readonly Day[]): Day {
  return days.reduce((first, day) => (day < first ? day : first))
}

function latest(days: readonly Day[]): Day {
  return days.reduce((last, day) => (day > last ? day : last))
}
