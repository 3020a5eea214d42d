import type { Host } from '../../src/demo/host.ts'
import type { LedgerRow } from '../../src/demo/ledger.ts'
import type { ReceivedEvent } from '../../src/demo/receiver.ts'
import { demoEvents, walkLedger } from '../../src/demo/run.ts'
import { type Timeline, timelineOf } from '../../src/demo/timeline.ts'
import { addDays, type Day } from '../../src/kernel/day.ts'
import { type NaivePolicy, type NaiveRow, naiveDunning } from './naive-dunning.ts'

/** A policy under which a ledger is walked. */
export type Variant = Readonly<{ name: string; policy: NaivePolicy; isLateImported: boolean }>

const common = { min_days_between: 3, min_balance: {}, due_on_closed_day: 'as_is' } as const
const standard: NaivePolicy['stages'] = [
  { code: 'courtesy', offset_days: -3 },
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24, grace_days: 10 },
  { code: 'handover', offset_days: 60 }
]
/** Closer together than the days between: here `jump` passes stages over that `sequential` enters one after the other. */
const crowded: NaivePolicy['stages'] = [0, 1, 2, 3].map((offset_days) => ({ code: `day ${offset_days}`, offset_days }))

/**
 * Both progressions, with and without business days, on two ladders. On the standard one the progressions agree as long as an
 * invoice is walked from its issue, so a crowded one is walked too, a third of whose invoices is imported late, when several stages
 * are reached at once.
 */
export const variants: readonly Variant[] = [standard, crowded].flatMap((stages) =>
  (['jump', 'sequential'] as const).flatMap((progression) =>
    [true, false].map((business_days) => ({
      name: `${stages === standard ? 'standard' : 'crowded'}, ${progression}, business days ${business_days ? 'on' : 'off'}`,
      policy: { ...common, progression, business_days, stages },
      isLateImported: stages === crowded
    }))
  )
)

/** `every`: each invoice under every variant. `one`: each client under one of them, in turn, for a walk that is not longer. */
export type Spread = 'every' | 'one'

export type Assigned = Readonly<{ row: LedgerRow; variant: Variant; postedOn: Day }>

/** What is walked: with `every`, each variant has clients and invoices of its own, told apart by the variant's number. */
export function assign(rows: readonly LedgerRow[], { spread, among }: { spread: Spread; among: readonly Variant[] }): Assigned[] {
  const clients = [...new Set(rows.map((row) => row.client))].sort()
  const overpaying = new Set(rows.filter((row) => paidMinor(row) > row.amountMinor).map((row) => row.client))
  return among.flatMap((variant, index) => {
    const own = spread === 'every' ? rows : rows.filter((row) => clients.indexOf(row.client) % among.length === index)
    return own.map((row) => {
      // Where credit waits for the next invoice, it would matter in which order late ones come: those are left in order.
      const isLate = variant.isLateImported && row.line % 3 === 0 && !overpaying.has(row.client)
      const mark = spread === 'every' ? `${index}/` : ''
      return {
        row: { ...row, client: `${mark}${row.client}`, invoice: `${mark}${row.invoice}` },
        variant,
        postedOn: isLate ? addDays(row.dueOn, LATE_DAYS) : row.issuedOn
      }
    })
  })
}

const LATE_DAYS = 5

function paidMinor(row: LedgerRow): bigint {
  return row.payments.reduce((sum, payment) => sum + payment.amountMinor, 0n)
}

export type Outcome = Readonly<{
  variant: string
  invoices: number
  entries: number
  overdue: number
  missing: readonly string[]
  extra: readonly string[]
}>

export type CheckOptions = Readonly<{
  host: Host
  rows: readonly LedgerRow[]
  spread: Spread
  among?: readonly Variant[]
  onProgress?: (part: number, remark: string) => void
}>

/**
 * Walks a ledger through the service as the demo does and holds what arrived at the receiver against the naive walk: every
 * stage entry and every `invoice.overdue`, on its day, none missing, none extra, none twice.
 */
export async function checkLedger({
  host,
  rows,
  spread,
  among = variants,
  onProgress = () => {}
}: CheckOptions): Promise<Outcome[]> {
  const assigned = assign(rows, { spread, among })
  const postedOn = new Map(assigned.map((one) => [one.row.invoice, one.postedOn]))
  const variantOf = new Map(assigned.map(({ row, variant }) => [row.client, variant.name]))
  const all = assigned.map(({ row }) => row)
  const timeline = timelineOf(all, { daysAfter: 60, postedOn: (row) => postedOn.get(row.invoice) ?? row.issuedOn })
  const [startMs, endMs] = [timeline.startAt.getTime(), timeline.endAt.getTime()]
  const walked = await walkLedger({
    host,
    rows: all,
    timeline,
    books: {
      policy: { progression: 'jump', businessDays: true },
      eventTypes: compared,
      policies: new Map(among.map(({ name, policy }) => [name, bodyOf(name, policy)])),
      policyOf: (client) => variantOf.get(client)
    },
    signal: new AbortController().signal,
    onProgress: ({ nowMs, webhooks }) => onProgress((nowMs - startMs) / (endMs - startMs), `${webhooks} webhooks`)
  })
  await walked.close()
  const { verdict, refused } = walked
  if (!verdict.isSound || refused.length > 0)
    throw new Error(`The walk itself went wrong: ${JSON.stringify({ verdict, refused: refused.slice(0, 5) })}`)
  return among.map((variant) => outcomeOf(variant, { assigned, events: walked.events, timeline }))
}

const compared = demoEvents.filter((type) => type === 'invoice.dunning_stage_entered' || type === 'invoice.overdue')

function bodyOf(name: string, { stages, ...policy }: NaivePolicy) {
  return { name, ...policy, stages: stages.map((stage) => ({ ...stage, tone: 'friendly' })) }
}

type Arrived = Readonly<{ assigned: readonly Assigned[]; events: readonly ReceivedEvent[]; timeline: Timeline }>

function outcomeOf(variant: Variant, { assigned, events, timeline }: Arrived): Outcome {
  const own = assigned.filter((one) => one.variant === variant)
  const numbers = new Set(own.map(({ row }) => row.invoice))
  // East of the organization a day more begins before the walk ends; what it brings is left out on both sides.
  const arrived = events.filter(({ invoice, on }) => numbers.has(invoice ?? '') && (on ?? '') <= timeline.lastOn).map(lineOf)
  const rows = own.map(({ row, postedOn }): NaiveRow => ({ ...row, issuedOn: postedOn }))
  const world = { weekend: [6, 7], closedDays: [], from: timeline.firstOn, to: timeline.lastOn }
  const { entries, overdue } = naiveDunning(rows, variant.policy, world)
  const expected = [
    ...entries.map(({ invoice, on, stage, repetition, skipped }) => [invoice, on, stage, repetition, ...skipped].join(' | ')),
    ...overdue.map(({ invoice, on }) => [invoice, on, 'overdue'].join(' | '))
  ]
  return {
    variant: variant.name,
    invoices: own.length,
    entries: entries.length,
    overdue: overdue.length,
    missing: without(expected, arrived),
    extra: without(arrived, expected)
  }
}

function lineOf({ type, invoice, on, stage, repetition, skipped }: ReceivedEvent): string {
  return (type === 'invoice.overdue' ? [invoice, on, 'overdue'] : [invoice, on, stage, repetition, ...skipped]).join(' | ')
}

/** The lines that the others lack, each as often as it is missing. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}
