import { expect } from 'vitest'
import { addressing } from '../../src/modules/events/addressing.ts'
import type { EventType } from '../../src/modules/events/event.ts'
import { done, type EventRow, type Ledger } from './dunning.ts'
import { minorOf } from './model-command.ts'

type Row = Readonly<Record<string, unknown>> & Readonly<{ id: string }>
type Kind = 'invoice' | 'payment' | 'promise' | 'payment_plan' | 'hold' | 'dispute' | 'credit_note' | 'client'
type Objects = ReadonlyMap<string, Readonly<{ kind: Kind; row: Row }>>

/** Every object that a command could have changed, and how many events there were. */
export type Snapshot = Readonly<{ objects: Objects; events: number }>

const lists: Readonly<Record<Kind, string>> = {
  invoice: 'invoices',
  payment: 'payments',
  promise: 'promises',
  payment_plan: 'payment-plans',
  hold: 'holds',
  dispute: 'disputes',
  credit_note: 'credit-notes',
  client: 'clients'
}

export async function snapshotOf(ledger: Ledger): Promise<Snapshot> {
  const kinds = Object.keys(lists) as Kind[]
  const pages = await Promise.all(
    kinds.map(async (kind) => {
      const { data } = await done(ledger.call<{ data: Row[] }>('GET', `/v1/${lists[kind]}?limit=200`))
      return data.map((row) => [row.id, { kind, row }] as const)
    })
  )
  return { objects: new Map(pages.flat()), events: (await ledger.events()).length }
}

/** Of an invoice; its dunning has events of its own. */
function invoiceEvents(before: Row | undefined, after: Row): string[] {
  if (before === undefined) {
    const issued = { ...after, status: 'open', balance: after['total'], due_schedule: null }
    return ['invoice.created', ...invoiceEvents(issued, { ...after, due_schedule: null })]
  }
  const told: string[] = []
  const settled = (row: Row) => minorOf(row['total'] as string) - minorOf(row['balance'] as string)
  const settings = ['number', 'total', 'collection_method', 'payment_links', 'metadata', 'dunning_policy_id', 'external_refs']
  const isSet = settings.some((field) => differ(before[field], after[field]))
  const turned = before['status'] !== after['status']
  const isPart = !turned && after['status'] === 'open' && settled(after) > settled(before)
  const moved = before['balance'] !== after['balance'] || differ(balancesOf(before), balancesOf(after))
  if (isSet || (moved && !turned && !isPart)) told.push('invoice.updated')
  if (before['due_on'] !== after['due_on']) told.push('invoice.rescheduled')
  const names: Record<string, string> = { open: 'reopened', paid: 'paid', void: 'voided', written_off: 'written_off' }
  if (turned) told.push(`invoice.${names[after['status'] as string]}`)
  if (isPart) told.push('invoice.partially_paid')
  return told
}

/** Of the parts; what settles another part than before moves them while the sum stays. */
const balancesOf = ({ due_schedule: parts }: Row) =>
  (parts as readonly Readonly<{ balance: string }>[] | null)?.map(({ balance }) => balance)

function planEvents(before: Row | undefined, after: Row): string[] {
  type Part = Readonly<{ status: string; missed_on: string | null }>
  if (before === undefined)
    return ['payment_plan.proposed', ...planEvents({ ...after, status: 'proposed', installments: [] }, after)]
  const parts = (row: Row) => row['installments'] as readonly Part[]
  const told = parts(after).flatMap((part, index) => {
    const was = parts(before)[index]
    return [
      ...(part.missed_on !== null && (was?.missed_on ?? null) === null ? ['installment.missed'] : []),
      ...(part.status === 'paid' && was?.status !== 'paid' ? ['installment.paid'] : [])
    ]
  })
  if (before['status'] === after['status']) return told
  const goesOn = before['status'] === 'proposed' ? 'accepted' : 'restored'
  return [...told, `payment_plan.${after['status'] === 'active' ? goesOn : String(after['status'])}`]
}

function clientEvents(before: Row | undefined, after: Row): string[] {
  if (before === undefined) return ['client.created']
  const service: Record<string, string> = { active: 'restored', suspended: 'suspended', ending: 'ending' }
  const told: string[] = []
  if (before['service_status'] !== after['service_status']) {
    told.push(`client.service_${service[after['service_status'] as string]}`)
  }
  if (before['offboarding_started_at'] === null && after['offboarding_started_at'] !== null)
    told.push('client.offboarding_started')
  if (before['offboarded_at'] === null && after['offboarded_at'] !== null) told.push('client.offboarding_completed')
  const settings = ['name', 'contacts', 'dunning_policy_id', 'dunning_exempt_until_on', 'tags', 'metadata']
  const isBack = before['offboarded_at'] !== null && after['offboarded_at'] === null
  if (isBack || settings.some((field) => differ(before[field], after[field]))) told.push('client.updated')
  return told
}

/** The name that each status of an object has as an event; an object that is there for the first time had none. */
function statusEvents(kind: string, names: Readonly<Record<string, string>>) {
  return (before: Row | undefined, after: Row): string[] =>
    before?.['status'] === after['status'] ? [] : [`${kind}.${names[after['status'] as string]}`]
}

const settling = { pending: 'pending', settled: 'settled', failed: 'failed', reversed: 'reversed' }
const keeping = { pending: 'made', kept: 'kept', broken: 'broken', cancelled: 'cancelled' }
const resolved = { upheld: 'resolved', partly_upheld: 'resolved', rejected: 'resolved', withdrawn: 'resolved' }
const came = (field: string, before: Row | undefined, after: Row) => (before?.[field] ?? null) === null && after[field] !== null

/** What is to be told of an object by how it was and how it is, as the documents say it and as naively as it can be said. */
const expected: Readonly<Record<Kind, (before: Row | undefined, after: Row) => string[]>> = {
  invoice: invoiceEvents,
  payment: (before, after) => [
    ...statusEvents('payment', settling)(before, after),
    ...(came('unconfirmed_at', before, after) ? ['payment.unconfirmed'] : [])
  ],
  promise: statusEvents('promise', keeping),
  payment_plan: planEvents,
  hold: (before, after) => [
    ...(before === undefined ? ['hold.placed'] : []),
    ...(came('released_at', before, after) ? ['hold.released'] : []),
    ...(came('review_due_at', before, after) ? ['hold.review_due'] : [])
  ],
  dispute: (before, after) => [
    ...statusEvents('dispute', { open: 'opened', ...resolved })(before, after),
    ...(came('overdue_at', before, after) ? ['dispute.overdue'] : [])
  ],
  credit_note: (before) => (before === undefined ? ['credit_note.issued'] : []),
  client: clientEvents
}

/** These tell of dunning, and carry the invoice with the money that it had. */
const others = /dunning|invoice\.overdue|client\.risk/
/** These tell that a day has come; their plan is part of its history. */
const reminders = /installment\.due/

/** These tell of one part of their object each. */
const perPart = /^installment|dunning|invoice\.overdue/

/**
 * Each object's events are those that follow from how it was before and is after: none is missing, none too many, each carries the
 * state that it led to and the former values of what changed. Of what runs in one transaction there is one state, and each type once.
 */
export async function expectEvents(
  ledger: Ledger,
  { before, name, isOne }: Readonly<{ before: Snapshot; name: string; isOne: boolean }>
): Promise<Snapshot> {
  const after = await snapshotOf(ledger)
  const all = (await ledger.events()).slice(before.events)
  const events = all.filter(({ type }) => !others.test(type))
  for (const { type, context } of all) {
    if (addressing[type as EventType] === 'concerns')
      expect([name, type, context['holds']]).toEqual([name, type, expect.any(Array)])
  }
  if (isOne) {
    for (const { type, object } of all.filter((one) => others.test(one.type))) {
      const row = after.objects.get(object.id)?.row
      if (row !== undefined) expect([name, type, visible(object)]).toEqual([name, type, visible(row)])
    }
    const types = all.flatMap(({ type, object }) => (perPart.test(type) ? [] : [`${type} ${object.id}`]))
    expect([name, ...types.filter((one, at) => types.indexOf(one) !== at)]).toEqual([name])
  }
  for (const [id, { kind, row }] of after.objects) {
    const own = events.filter(({ object }) => object.id === id)
    const states = [...Map.groupBy(own, ({ object }) => textOf(object)).values()]
    let was = before.objects.get(id)?.row
    for (const [index, group] of states.entries()) {
      const [first] = group
      const is = index === states.length - 1 && isOne ? row : (first?.object as Row)
      const line = `${name}: ${kind} ${id}`
      expect([line, ...group.flatMap(({ type }) => (reminders.test(type) ? [] : [type])).toSorted()]).toEqual([
        line,
        ...expected[kind](was, is).toSorted()
      ])
      if (isOne) expect([line, visible(first?.object as Row)]).toEqual([line, visible(row)])
      for (const event of group) expectPrevious(line, event, was)
      was = first?.object as Row
    }
    if (isOne) expect([name, kind, id, states.length]).toEqual([name, kind, id, states.length === 0 ? 0 : 1])
    if (was !== row) expect([`${name}: ${kind} ${id} untold`, ...expected[kind](was, row)]).toHaveLength(1)
  }
  return after
}

/** What an event says was before was so. */
function expectPrevious(line: string, { type, previous, object }: EventRow, was: Row | undefined): void {
  if (was === undefined || previous === null) return
  for (const [field, value] of Object.entries(previous)) {
    if (field === 'dunning' || (field === 'due_schedule' && object['due_schedule'] === undefined)) continue
    expect([line, type, field, knownValue(field, value)]).toEqual([line, type, field, knownValue(field, was[field])])
  }
}

/** The dunning of an invoice changes without an event of these. */
const hidden = new Set(['dunning', 'version', 'updated_at', 'is_overdue', 'days_overdue', 'next_notice_at', 'hold_review_due_at'])
const visible = (row: Row) =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([field]) => !hidden.has(field))
      .map(([field, value]) => [field, visibleValue(field, value)])
  )

/** That the day of an installment has come is not sent while its client is not to be addressed. */
function knownValue(field: string, value: unknown): unknown {
  if (field !== 'installments' || !Array.isArray(value)) return visibleValue(field, value)
  return (value as Row[]).map((part) => (part['status'] === 'due' ? { ...part, status: 'upcoming' } : part))
}

function visibleValue(field: string, value: unknown): unknown {
  if (field !== 'due_schedule' || !Array.isArray(value)) return value
  return (value as Record<string, unknown>[]).map(({ due_on, amount, balance }) => ({ due_on, amount, balance }))
}

const textOf = (row: Row) => JSON.stringify(visible(row))
const differ = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b)
