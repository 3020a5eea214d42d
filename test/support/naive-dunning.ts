/**
 * A second opinion on dunning: which invoice enters which stage on which day, worked out in the dullest way, by walking every day.
 * It shares nothing with the service, neither code nor types (days are counted here with Date.UTC, currencies have a table of their
 * own), so that an error in one is not repeated in the other. Slow and simple on purpose.
 *
 * On each local day an invoice is issued and payments arrive at 00:00; then the sweep looks once, at `send_at`. A payment goes to
 * its own invoice; what is too much goes to the client's other open invoices in that currency, the oldest due first, then waits
 * for the client's next invoice.
 */
export type NaiveRow = Readonly<{
  client: string
  invoice: string
  issuedOn: string
  dueOn: string
  amountMinor: bigint
  currency: string
  payments: readonly Readonly<{ on: string; amountMinor: bigint }>[]
  /** Collected by autopay; from the day on which a collection failed, where one did, it is reminded like any other. */
  autopay?: Readonly<{ failedOn: string | null }>
}>

export type NaiveStage = Readonly<{ code: string; offset_days: number; grace_days?: number; repeat_every_days?: number }>

/** The part of the policy document that says when a stage is entered, in the document's own words. */
export type NaivePolicy = Readonly<{
  progression: 'jump' | 'sequential'
  min_days_between: number
  min_balance: Readonly<Record<string, string>>
  business_days: boolean
  due_on_closed_day: 'as_is' | 'next_open'
  stages: readonly NaiveStage[]
}>

export type NaiveWorld = Readonly<{
  /** ISO weekdays (Monday 1) on which nobody works, and single closed days. */
  weekend: readonly number[]
  closedDays: readonly string[]
  /** The first and the last day that is walked. */
  from: string
  to: string
}>

export type NaiveEntry = Readonly<{ invoice: string; stage: string; repetition: number; on: string; skipped: string[] }>
export type NaiveOverdue = Readonly<{ invoice: string; on: string }>
export type NaiveResult = Readonly<{ entries: NaiveEntry[]; overdue: NaiveOverdue[] }>

type Last = { stage: number; repetition: number; day: number }
type Open = { row: NaiveRow; due: number; balance: bigint; last: Last | undefined; saidOverdue: boolean }
type IsOpen = (day: number) => boolean

const DECIMALS: Record<string, number> = { JPY: 0, KWD: 3, USD: 2, EUR: 2, GBP: 2, BRL: 2, AZN: 2, ILS: 2, IRR: 2 }

export function naiveDunning(rows: readonly NaiveRow[], policy: NaivePolicy, world: NaiveWorld): NaiveResult {
  const result: NaiveResult = { entries: [], overdue: [] }
  const closed = new Set(world.closedDays.map(numberOf))
  const isOpenDay = (day: number) => !world.weekend.includes(weekdayOf(day)) && !closed.has(day)
  const issuesOf = Map.groupBy(rows, (row) => numberOf(row.issuedOn))
  const paymentsOf = Map.groupBy(
    rows.flatMap((row) => row.payments.map((payment) => ({ row, ...payment }))),
    ({ row, on }) => Math.max(numberOf(on), numberOf(row.issuedOn))
  )
  const credits = new Map<string, bigint>()
  let open = new Map<string, Open>()

  for (let today = numberOf(world.from); today <= numberOf(world.to); today += 1) {
    for (const row of issuesOf.get(today) ?? []) {
      const due = policy.due_on_closed_day === 'next_open' ? nextOpen(numberOf(row.dueOn), isOpenDay) : numberOf(row.dueOn)
      const invoice: Open = { row, due, balance: row.amountMinor, last: undefined, saidOverdue: false }
      open.set(row.invoice, invoice)
      const rest = settle(invoice, credits.get(walletOf(row)) ?? 0n)
      credits.set(walletOf(row), rest)
    }
    for (const { row, amountMinor } of paymentsOf.get(today) ?? []) {
      const own = open.get(row.invoice)
      let rest = own === undefined ? amountMinor : settle(own, amountMinor)
      if (rest > 0n) for (const other of oldestFirst(open, row)) rest = settle(other, rest)
      credits.set(walletOf(row), (credits.get(walletOf(row)) ?? 0n) + rest)
    }
    open = new Map([...open].filter(([, invoice]) => invoice.balance > 0n))
    for (const invoice of open.values()) sweep(invoice, { today, policy, isOpenDay, result })
  }
  return result
}

type Sweep = { today: number; policy: NaivePolicy; isOpenDay: IsOpen; result: NaiveResult }

function sweep(invoice: Open, { today, policy, isOpenDay, result }: Sweep): void {
  const number = invoice.row.invoice
  if (today > invoice.due && !invoice.saidOverdue) {
    invoice.saidOverdue = true
    result.overdue.push({ invoice: number, on: textOf(today) })
  }
  if (invoice.balance <= minimumOf(policy, invoice.row.currency)) return
  if (policy.business_days && !isOpenDay(today)) return
  if (isLeftToAutopay(invoice, today)) return
  const entry = entryFor(invoice, { today, policy, isOpenDay })
  if (entry === undefined) return
  const codeOf = (index: number) => policy.stages[index]?.code ?? ''
  invoice.last = { stage: entry.stage, repetition: entry.repetition, day: today }
  result.entries.push({
    invoice: number,
    stage: codeOf(entry.stage),
    repetition: entry.repetition,
    on: textOf(today),
    skipped: entry.skipped.map(codeOf)
  })
}

/** Through its due date nobody is asked for what is to be collected. */
function isLeftToAutopay({ row, due }: Open, today: number): boolean {
  if (row.autopay === undefined || today > due) return false
  return row.autopay.failedOn === null || today < numberOf(row.autopay.failedOn)
}

type Chance = { today: number; policy: NaivePolicy; isOpenDay: IsOpen }
type Found = { stage: number; repetition: number; skipped: number[] }

/** The stage that the invoice enters today, if any. */
function entryFor(invoice: Open, { today, policy, isOpenDay }: Chance): Found | undefined {
  const current = invoice.last?.stage ?? -1
  const above: number[] = []
  // A stage before the due date is gone once the due date has passed.
  for (let index = current + 1; index < policy.stages.length; index += 1) {
    const offset = policy.stages[index]?.offset_days ?? 0
    if (offset >= 0 || today <= invoice.due) above.push(index)
  }
  if (policy.progression === 'sequential') {
    const next = above[0]
    if (next !== undefined && today >= openingOf(next, { invoice, policy, isOpenDay }))
      return { stage: next, repetition: 1, skipped: [] }
  } else {
    for (const index of above.toReversed()) {
      if (today < openingOf(index, { invoice, policy, isOpenDay })) continue
      return { stage: index, repetition: 1, skipped: above.filter((lower) => lower < index) }
    }
  }
  const { last } = invoice
  if (last === undefined || last.stage !== policy.stages.length - 1) return undefined
  const stage = policy.stages[last.stage]
  if (stage?.repeat_every_days === undefined) return undefined
  const again = last.day + Math.max(stage.repeat_every_days, stage.grace_days ?? 0, gapOf(policy))
  const opening = policy.business_days ? nextOpen(again, isOpenDay) : again
  if (stage.offset_days < 0 && today > invoice.due) return undefined
  return today >= opening ? { stage: last.stage, repetition: last.repetition + 1, skipped: [] } : undefined
}

/** The first day on which the stage may be entered, from what was entered before. */
function openingOf(
  index: number,
  { invoice, policy, isOpenDay }: { invoice: Open; policy: NaivePolicy; isOpenDay: IsOpen }
): number {
  const offset = policy.stages[index]?.offset_days ?? 0
  const { last } = invoice
  const byAge = invoice.due + offset
  const gate = last === undefined ? byAge : last.day + Math.max(policy.stages[last.stage]?.grace_days ?? 0, gapOf(policy))
  const opening = Math.max(byAge, gate)
  if (!policy.business_days) return opening
  if (offset >= 0) return nextOpen(opening, isOpenDay)
  const before = previousOpen(opening, isOpenDay)
  return last !== undefined && before < gate ? nextOpen(gate, isOpenDay) : before
}

function gapOf(policy: NaivePolicy): number {
  return policy.progression === 'sequential' ? Math.max(1, policy.min_days_between) : policy.min_days_between
}

function minimumOf(policy: NaivePolicy, currency: string): bigint {
  const decimals = DECIMALS[currency]
  if (decimals === undefined) throw new Error(`The naive check has no decimals for ${currency}.`)
  const [units = '0', cents = ''] = (policy.min_balance[currency] ?? '0').split('.')
  return BigInt(units + cents.padEnd(decimals, '0'))
}

/** Takes what the invoice still needs from the money and returns the rest. */
function settle(invoice: Open, money: bigint): bigint {
  const used = money < invoice.balance ? money : invoice.balance
  invoice.balance -= used
  return money - used
}

function oldestFirst(open: Map<string, Open>, payer: NaiveRow): Open[] {
  return [...open.values()]
    .filter(({ row }) => walletOf(row) === walletOf(payer))
    .sort((a, b) => a.due - b.due || (a.row.invoice < b.row.invoice ? -1 : 1))
}

function walletOf(row: NaiveRow): string {
  return `${row.client} ${row.currency}`
}

function nextOpen(day: number, isOpenDay: IsOpen): number {
  let result = day
  while (!isOpenDay(result)) result += 1
  return result
}

function previousOpen(day: number, isOpenDay: IsOpen): number {
  let result = day
  while (!isOpenDay(result)) result -= 1
  return result
}

function numberOf(text: string): number {
  const [year = 0, month = 0, date = 0] = text.split('-').map(Number)
  return Date.UTC(year, month - 1, date) / 86_400_000
}

/** 1970-01-01, day 0, was a Thursday, ISO weekday 4. */
function weekdayOf(day: number): number {
  return ((((day + 3) % 7) + 7) % 7) + 1
}

function textOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10)
}
