import { type Day, dayIn } from '../kernel/day.ts'
import { parseAmount } from '../kernel/money.ts'
import type { InvoiceDocument } from '../modules/invoices/schemas.ts'
import type { Api } from './api.ts'
import { countDeliveries } from './deliveries.ts'
import { type OpenItem, type SettledItem, slowestPayers } from './figures.ts'
import type { LedgerRow } from './ledger.ts'
import type { ReceivedEvent, Receiver } from './receiver.ts'
import type { StageCount } from './report.ts'
import type { Timeline } from './timeline.ts'

/** What is open now, as the API says. */
export async function openItems(api: Api): Promise<OpenItem[]> {
  const items: OpenItem[] = []
  for await (const page of api.pages<InvoiceDocument>('/v1/invoices?status=open')) {
    for (const { due_on, currency: code, balance } of page) {
      const currency = code as OpenItem['currency']
      items.push({ dueOn: due_on as Day, currency, balanceMinor: parseAmount(balance, currency) })
    }
  }
  return items
}

/** What arrived, held against what the API says. */
export type Verdict = Readonly<{
  /** True when every webhook was verified and none was lost, and the stage entries that arrived are those that the API lists. */
  isSound: boolean
  entriesListed: number
  entriesArrived: number
  /** Listed entries of which no webhook came, and webhooks of entries that are not listed. */
  missing: number
  extra: number
  delivered: number
  /** Deliveries that the service does not count as succeeded, by what it calls them: "2 superseded". */
  undelivered: readonly string[]
  verified: number
  rejected: number
}>

type Entry = Readonly<{ id: string; kind: 'entered' | 'baseline' }>

export async function judge(api: Api, receiver: Pick<Receiver, 'counts' | 'events'>): Promise<Verdict> {
  const arrived = new Set(receiver.events().flatMap(({ entryId }) => (entryId === null ? [] : [entryId])))
  const listed = new Set<string>()
  for await (const page of api.pages<Entry>('/v1/dunning/entries')) {
    for (const { id, kind } of page) if (kind === 'entered') listed.add(id)
  }
  const { succeeded, ...others } = await countDeliveries(api)
  const { verified, rejected } = receiver.counts()
  const undelivered = Object.entries(others).flatMap(([status, count]) => (count === 0 ? [] : [`${count} ${status}`]))
  const missing = listed.difference(arrived).size
  const extra = arrived.difference(listed).size
  const isSound = missing + extra + undelivered.length + rejected === 0 && verified === succeeded
  const entries = { entriesListed: listed.size, entriesArrived: arrived.size }
  return { isSound, ...entries, missing, extra, delivered: succeeded, undelivered, verified, rejected }
}

/** Entries by stage in the policy's order, as the webhooks told. */
export function stageCounts(events: readonly ReceivedEvent[], stages: readonly string[]): StageCount[] {
  const count = (of: (event: ReceivedEvent) => readonly string[]) => {
    const counts = new Map<string, number>()
    for (const event of events) for (const code of of(event)) counts.set(code, (counts.get(code) ?? 0) + 1)
    return counts
  }
  const entered = count(({ stage, entryId }) => (stage === null || entryId === null ? [] : [stage]))
  const skipped = count((event) => event.skipped)
  return stages.map((stage) => ({ stage, entries: entered.get(stage) ?? 0, skipped: skipped.get(stage) ?? 0 }))
}

export function eventCounts(events: readonly ReceivedEvent[]): { type: string; count: number }[] {
  return [...Map.groupBy(events, ({ type }) => type)]
    .map(([type, { length }]) => ({ type, count: length }))
    .sort((a, b) => b.count - a.count)
}

/** Judged by the webhooks too: an invoice was settled on the client's day on which `invoice.paid` says it was. */
export function slowest(
  rows: readonly LedgerRow[],
  { events, timeline }: { events: readonly ReceivedEvent[]; timeline: Timeline }
) {
  const paidAt = new Map<string, string>()
  for (const { type, invoice, timestamp } of events)
    if (type === 'invoice.paid' && invoice !== null) paidAt.set(invoice, timestamp)
  const items = rows.map((row): SettledItem => {
    const at = paidAt.get(row.invoice)
    const zone = timeline.zoneOf.get(row.client) ?? timeline.timeZone
    const { client, clientName, dueOn } = row
    return { client, clientName, dueOn, paidOn: at === undefined ? undefined : dayIn(new Date(at), zone) }
  })
  return slowestPayers(items, { asOf: timeline.lastOn })
}
