import type { ReplayedInvoice } from '../../src/evaluate/replay.ts'
import { type ClientState, clientOn, newClient, withIssued, withSettled } from '../../src/modules/risk/client-state.ts'
import { createSeriousChances } from '../../src/modules/risk/expectation.ts'
import { aloneOf, together } from '../../src/modules/risk/invoice-facts.ts'
import { type Level, thresholdsFor } from '../../src/modules/risk/levels.ts'
import { organizationTerms } from '../../src/modules/risk/organization-state.ts'
import { createOrganizationWindow } from '../../src/modules/risk/organization-window.ts'
import { situationOn } from '../../src/modules/risk/situation.ts'

/** Of the mornings on which an invoice was unpaid at one age: how many, and the shares that were said to end, and ended, beyond a level. */
export type Agreement = Readonly<{ age: number; mornings: number; predicted: number; actual: number }>

type Account = { state: ClientState; open: Map<string, ReplayedInvoice> }

/**
 * Goes through every morning of a ledger and asks of each unpaid invoice what the service would say with what it knows by then: the chance to
 * end more than `level` days late. What came of it is counted from the days of the ledger alone. Mornings before `from` are not asked.
 */
export function agreementByAge(
  invoices: readonly ReplayedInvoice[],
  { level, from = Number.NEGATIVE_INFINITY }: { level: Level; from?: number }
): Agreement[] {
  const thresholds = thresholdsFor(Math.max(1, level))
  const endOf = ({ ended, issuedOn }: ReplayedInvoice) => Math.max(ended?.settledOn ?? Number.POSITIVE_INFINITY, issuedOn)
  const first = Math.min(...invoices.map(({ issuedOn }) => issuedOn))
  const lastDay = Math.max(...invoices.map((invoice) => (invoice.ended === undefined ? invoice.issuedOn : endOf(invoice))))
  const [issues, ends] = [Map.groupBy(invoices, ({ issuedOn }) => issuedOn), Map.groupBy(invoices, endOf)]
  const organization = createOrganizationWindow({ from: first - 1, thresholds })
  const accounts = new Map<string, Account>()
  const sums = new Map<number, { mornings: number; predicted: number; actual: number }>()
  for (let day = first + 1; day <= lastDay; day += 1) {
    for (const invoice of issues.get(day - 1) ?? []) {
      const account = accounts.get(invoice.client) ?? { state: newClient(day, thresholds), open: new Map() }
      account.state = withIssued(clientOn(account.state, { day, thresholds }), invoice)
      account.open.set(invoice.number, invoice)
      accounts.set(invoice.client, account)
      for (const term of organizationTerms(invoice.ended ?? invoice, thresholds)) organization.add(term)
    }
    for (const { client, number, ended } of ends.get(day - 1) ?? []) {
      const account = accounts.get(client)
      if (account === undefined || ended === undefined) continue
      account.state = withSettled(clientOn(account.state, { day, thresholds }), { claim: ended, thresholds })
      account.open.delete(number)
    }
    const ledger = organization.on(day)
    if (day < from) continue
    for (const { state, open } of accounts.values()) {
      if (open.size === 0) continue
      const unpaid = [...open.values()]
      const record = { state, open: together(unpaid.map((invoice) => aloneOf(invoice))) }
      const chanceOf = createSeriousChances(situationOn(record, { day, organization: ledger, thresholds }), level)
      for (const invoice of unpaid) {
        const { dueOn, ended } = invoice
        if (ended === undefined && lastDay - dueOn <= level) continue
        const before = sums.get(day - dueOn) ?? { mornings: 0, predicted: 0, actual: 0 }
        sums.set(day - dueOn, {
          mornings: before.mornings + 1,
          predicted: before.predicted + chanceOf(invoice),
          actual: before.actual + (ended === undefined || ended.settledOn - dueOn > level ? 1 : 0)
        })
      }
    }
  }
  return [...sums]
    .map(([age, { mornings, ...sum }]) => ({ age, mornings, predicted: sum.predicted / mornings, actual: sum.actual / mornings }))
    .toSorted((a, b) => a.age - b.age)
}
