import type { LedgerRow } from '../../src/demo/ledger.ts'
import { addDays, type Day, dayIn, instantOn, maxDay, startOfDay } from '../../src/kernel/day.ts'
import {
  type Decision,
  type DecisionContext,
  decide,
  type ObligationFacts,
  whatIsNext
} from '../../src/modules/dunning/decide.ts'

/** An invoice that may be collected by autopay, of which a collection may fail. */
export type ReplayRow = LedgerRow & Readonly<{ autopay?: Readonly<{ failedOn: Day | null }> }>

/** Money that reaches one invoice, on a day. */
export type Receipt = Readonly<{ on: Day; amountMinor: bigint }>

export type Replay = Readonly<{
  ladder: Omit<DecisionContext, 'asOf'>
  timeZone: string
  /** The last day that is walked. */
  to: Day
  /** `daily` asks every day, just before and at the time of sending; `when_due` asks when the last decision said to, as the sweep does. */
  asked: 'daily' | 'when_due'
}>

/** What happened to one invoice, as lines that can be compared: "A 2025-02-03 reminder 1 courtesy", "A 2025-02-01 overdue". */
export function replay(row: ReplayRow, receipts: readonly Receipt[], setting: Replay): string[] {
  const told: string[] = []
  let facts = issued(row, setting.timeZone)
  const ask = (asOf: Date): Decision => {
    const decision = decide(facts, { ...setting.ladder, asOf })
    const on = dayIn(asOf, facts.timeZone)
    if (decision.overdue) {
      told.push(`${row.invoice} ${on} overdue`)
      facts = { ...facts, overdueAnnounced: true }
    }
    const { effect } = decision
    if (effect.kind === 'enter') {
      told.push([row.invoice, effect.enteredOn, effect.stage, effect.repetition, ...effect.skipped].join(' '))
      facts = { ...facts, entries: [...facts.entries, effect] }
    }
    return decision
  }
  const changes = changesOf(row, receipts)
  const change = ({ amountMinor, fails }: Change) => {
    facts = { ...facts, balanceMinor: facts.balanceMinor - amountMinor, isCollected: facts.isCollected && !fails }
  }
  const walk = { row, changes, setting, ask, change, factsNow: () => facts }
  if (setting.asked === 'daily') everyDay(walk)
  else whenDue(walk)
  return told
}

/** Money that comes in, or a collection that fails. */
type Change = Receipt & Readonly<{ fails: boolean }>

type Walk = Readonly<{
  row: ReplayRow
  changes: readonly Change[]
  setting: Replay
  ask: (asOf: Date) => Decision
  change: (change: Change) => void
  factsNow: () => ObligationFacts
}>

function everyDay({ row, changes, setting, ask, change, factsNow }: Walk): void {
  const { timeZone } = factsNow()
  for (let today = row.issuedOn; today <= setting.to; today = addDays(today, 1)) {
    for (const one of changes) if (arrivesOn(one, row) === today) change(one)
    if (factsNow().balanceMinor <= 0n) return
    const sendAt = instantOn(today, { time: setting.ladder.policy.sendAt, timeZone })
    ask(new Date(sendAt.getTime() - 60_000))
    ask(sendAt)
    ask(sendAt)
  }
}

/** A decision asked for at its own time that then does nothing would be asked for again and again: it fails. */
function whenDue({ row, changes, setting, ask, change, factsNow }: Walk): void {
  const { timeZone } = factsNow()
  const waiting = changes.map((one) => ({ one, at: startOfDay(arrivesOn(one, row), timeZone) }))
  let asOf = startOfDay(row.issuedOn, timeZone)
  for (;;) {
    const [first] = waiting
    const due = whatIsNext(factsNow(), { ...setting.ladder, asOf }).nextAt
    const next = due !== null && due < asOf ? asOf : due
    if (first !== undefined && (next === null || first.at <= next)) {
      change(first.one)
      waiting.shift()
      asOf = first.at
      continue
    }
    if (next === null || dayIn(next, timeZone) > setting.to) return
    asOf = next
    const { effect, overdue } = ask(asOf)
    if (effect.kind !== 'enter' && !overdue) throw new Error(`${row.invoice}: nothing was due at ${asOf.toISOString()}.`)
  }
}

function arrivesOn({ on }: Receipt, row: ReplayRow): Day {
  return maxDay(on, row.issuedOn)
}

/** In the order of their days. */
function changesOf(row: ReplayRow, receipts: readonly Receipt[]): Change[] {
  const failedOn = row.autopay?.failedOn ?? null
  const failures = failedOn === null ? [] : [{ on: failedOn, amountMinor: 0n, fails: true }]
  const all = [...receipts.map((receipt) => ({ ...receipt, fails: false })), ...failures]
  return all.sort((a, b) => (arrivesOn(a, row) < arrivesOn(b, row) ? -1 : 1))
}

function issued(row: ReplayRow, timeZone: string): ObligationFacts {
  return {
    dueOn: row.dueOn,
    currency: row.currency,
    balanceMinor: row.amountMinor,
    status: 'open',
    dunning: 'on',
    exemptUntilOn: null,
    isCollected: row.autopay !== undefined,
    holds: [],
    creditMinor: 0n,
    earlierMinor: 0n,
    timeZone: row.timeZone ?? timeZone,
    overdueAnnounced: false,
    entries: []
  }
}

/**
 * What reaches each invoice of one client when every payment settles its own invoice and the rest waits for the client's next
 * one. Holds only for ledgers whose credit meets no other open invoice, as the sample ledger guarantees; others are refused.
 */
export function receiptsOf(rows: readonly LedgerRow[]): Map<string, Receipt[]> {
  const receipts = new Map<string, Receipt[]>()
  for (const own of Map.groupBy(rows, (row) => `${row.client} ${row.currency}`).values()) {
    let credit: Receipt | undefined
    for (const row of own.toSorted((a, b) => (a.issuedOn < b.issuedOn ? -1 : 1))) {
      const used: Receipt[] = credit === undefined ? [] : [{ on: row.issuedOn, amountMinor: credit.amountMinor }]
      if (credit !== undefined && credit.on >= row.issuedOn)
        throw new Error(`${row.invoice} is issued before its credit arrives.`)
      const all = [...used, ...row.payments]
      receipts.set(row.invoice, all)
      const restMinor = all.reduce((sum, { amountMinor }) => sum + amountMinor, 0n) - row.amountMinor
      const last = all.at(-1)
      credit = restMinor > 0n && last !== undefined ? { on: last.on, amountMinor: restMinor } : undefined
    }
  }
  return receipts
}
