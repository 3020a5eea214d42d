import type { LedgerRow } from '../../src/demo/ledger.ts'
import { addDays, type Day, dayIn, instantOn, maxDay, startOfDay } from '../../src/kernel/day.ts'
import {
  type Decision,
  type DecisionContext,
  decide,
  type ObligationFacts,
  whatIsNext
} from '../../src/modules/dunning/decide.ts'

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
export function replay(row: LedgerRow, receipts: readonly Receipt[], setting: Replay): string[] {
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
  const receive = ({ amountMinor }: Receipt) => {
    facts = { ...facts, balanceMinor: facts.balanceMinor - amountMinor }
  }
  const walk = { row, receipts, setting, ask, receive, factsNow: () => facts }
  if (setting.asked === 'daily') everyDay(walk)
  else whenDue(walk)
  return told
}

type Walk = Readonly<{
  row: LedgerRow
  receipts: readonly Receipt[]
  setting: Replay
  ask: (asOf: Date) => Decision
  receive: (receipt: Receipt) => void
  factsNow: () => ObligationFacts
}>

function everyDay({ row, receipts, setting, ask, receive, factsNow }: Walk): void {
  const { timeZone } = factsNow()
  for (let today = row.issuedOn; today <= setting.to; today = addDays(today, 1)) {
    for (const receipt of receipts) if (arrivesOn(receipt, row) === today) receive(receipt)
    if (factsNow().balanceMinor <= 0n) return
    const sendAt = instantOn(today, { time: setting.ladder.policy.sendAt, timeZone })
    ask(new Date(sendAt.getTime() - 60_000))
    ask(sendAt)
    ask(sendAt)
  }
}

/** A decision asked for at its own time that then does nothing would be asked for again and again: it fails. */
function whenDue({ row, receipts, setting, ask, receive, factsNow }: Walk): void {
  const { timeZone } = factsNow()
  const waiting = receipts.map((receipt) => ({ receipt, at: startOfDay(arrivesOn(receipt, row), timeZone) }))
  let asOf = startOfDay(row.issuedOn, timeZone)
  for (;;) {
    const [first] = waiting
    const due = whatIsNext(factsNow(), { ...setting.ladder, asOf }).nextAt
    const next = due !== null && due < asOf ? asOf : due
    if (first !== undefined && (next === null || first.at <= next)) {
      receive(first.receipt)
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

function arrivesOn(receipt: Receipt, row: LedgerRow): Day {
  return maxDay(receipt.on, row.issuedOn)
}

function issued(row: LedgerRow, timeZone: string): ObligationFacts {
  return {
    dueOn: row.dueOn,
    currency: row.currency,
    balanceMinor: row.amountMinor,
    status: 'open',
    dunning: 'on',
    exemptUntilOn: null,
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
