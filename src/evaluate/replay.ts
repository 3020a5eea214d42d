import { type ClientState, clientOn, newClient, withIssued, withSettled } from '../modules/risk/client-state.ts'
import { type AlikeClaims, aloneOf, byIssue, type EpochDay, type Settled, standing } from '../modules/risk/invoice-facts.ts'
import { type Level, thresholdsFor } from '../modules/risk/levels.ts'
import { organizationTerms } from '../modules/risk/organization-state.ts'
import { createOrganizationWindow } from '../modules/risk/organization-window.ts'
import { type ScoredInvoice, type Situation, situationOn } from '../modules/risk/situation.ts'

/** An invoice of a ledger, with what the calendar says of its due day, and how it ended, if it did. */
export type ReplayedInvoice = ScoredInvoice & Readonly<{ client: string; ended: Settled | undefined }>

/** What was known on the morning of an invoice's issue. All invoices that a client is issued on a day share the morning. */
export type IssueTimeView = Readonly<{ invoice: ReplayedInvoice; situation: Situation; morning: Situation }>

/** A client as the service keeps it: the state that events maintain, and the open invoices of its ledger, which change overnight. */
type Account = { state: ClientState; open: readonly AlikeClaims[]; moved: AlikeClaims[]; morning: Situation | undefined }

/**
 * Walks a ledger forward in time and shows each invoice as the service would have seen it at the start of its issue day. Nothing
 * that happened on that day or later is in what is shown. A view is valid until the next is asked for.
 */
export function* issueTimeViews(invoices: readonly ReplayedInvoice[], seriousDays: Level): Generator<IssueTimeView> {
  const issues = invoices.toSorted(byIssue)
  const ends = issues.filter((invoice) => invoice.ended !== undefined).toSorted((a, b) => endOf(a) - endOf(b))
  const thresholds = thresholdsFor(seriousDays)
  const organization = createOrganizationWindow({ from: (issues[0]?.issuedOn ?? 1) - 1, thresholds })
  const accounts = new Map<string, Account>()
  const accountOf = ({ client, issuedOn }: ReplayedInvoice): Account => {
    const account = accounts.get(client) ?? { state: newClient(issuedOn, thresholds), open: [], moved: [], morning: undefined }
    accounts.set(client, account)
    return account
  }
  let nextEnd = 0
  for (const invoice of issues) {
    const day = invoice.issuedOn
    for (let ending = ends[nextEnd]; ending !== undefined && endOf(ending) < day; ending = ends[nextEnd]) {
      settle(accountOf(ending), { ending, thresholds })
      nextEnd += 1
    }
    const account = accountOf(invoice)
    const morning = morningOf(account, { day, organization: organization.on(day), thresholds })
    yield { invoice, situation: { ...morning, invoice }, morning }
    account.state = withIssued(account.state, invoice)
    account.moved.push(aloneOf(invoice))
    for (const term of organizationTerms(invoice.ended ?? invoice, thresholds)) organization.add(term)
  }
}

/** Nothing that happens on a day is in its morning. */
function morningOf(account: Account, facts: Pick<Situation, 'organization' | 'thresholds'> & { day: EpochDay }): Situation {
  const known = account.morning
  if (known?.client.day === facts.day) return known
  account.state = clientOn(account.state, facts)
  account.open = standing([...account.open, ...account.moved.splice(0)])
  const morning = situationOn(account, facts)
  account.morning = morning
  return morning
}

function settle(account: Account, { ending, thresholds }: { ending: ReplayedInvoice; thresholds: readonly number[] }): void {
  account.moved.push(aloneOf(ending, -1))
  if (ending.ended !== undefined) account.state = withSettled(account.state, { claim: ending.ended, thresholds })
}

/** A deposit ends an invoice with its issue. */
function endOf({ ended, issuedOn }: ReplayedInvoice): EpochDay {
  return ended === undefined ? Number.POSITIVE_INFINITY : Math.max(ended.settledOn, issuedOn)
}
