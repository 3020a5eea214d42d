import { addDays, type Day, dayIn, daysBetween } from '../../kernel/day.ts'
import { earlierOpen, type HoldsOf } from '../../kernel/holding.ts'
import { type Currency, formatAmount } from '../../kernel/money.ts'
import { addressedTo, type ClientContext } from '../clients/client-context.ts'
import { effectiveDueOn, type OpenObligation } from '../invoices/invoice.ts'
import { type Asked, askedOf } from './asked.ts'
import type { PolicyRef } from './facts.ts'
import type { CreditOf } from './netting.ts'
import type { Policy, Stage } from './policy.ts'

export type Notice = Readonly<{
  client: ClientContext
  currency: Currency
  today: Day
  /** What is told of, by due date. */
  items: readonly OpenObligation[]
  /** All that is open of the client, what is not told of too: of an invoice in parts an earlier one may be. */
  open: readonly OpenObligation[]
  /** By obligation: the entries that were not told before. */
  entered: ReadonlyMap<string, Readonly<{ id: string }>>
  policyAt: (ref: PolicyRef) => Policy
  creditOf: CreditOf
  /** What holds the items' invoices, for what of them is held in part. */
  holdsOf: HoldsOf
}>

/** Everything that a client owes in one currency, for a consumer who writes one message per client. */
export function noticeContext(notice: Notice) {
  const { client, currency, today, items, entered, policyAt } = notice
  const late = (item: OpenObligation) => Math.max(0, daysBetween(item.overdueFromOn, today) + 1)
  const asked = new Map(items.map((item) => [item.id, askedIn(item, notice)]))
  const summed = (figure: keyof Asked) => formatAmount(totalOf([...asked.values()], figure), currency)
  const sum = (these: readonly OpenObligation[]) => formatAmount(sumOf(these), currency)
  const highest = highestOf(items, { policyAt, timeZone: client.time_zone })
  return {
    client: addressedTo(client, highest?.audience ?? []),
    currency,
    total: sum(items),
    // What the client has in credit, as far as it covers this, what it contests, announced and promised, and what they leave to be paid.
    unapplied_credit: summed('creditMinor'),
    disputed: summed('disputedMinor'),
    announced: summed('announcedMinor'),
    promised: summed('promisedMinor'),
    net_total: summed('askedMinor'),
    total_overdue: sum(items.filter((item) => late(item) > 0)),
    days_overdue: items.reduce((days, item) => Math.max(days, late(item)), 0),
    highest_stage: highest?.stage ?? null,
    obligations_count: items.length,
    // Where there are more of them than its event has room for, the event names where the others are.
    obligations_url: null,
    obligations: items.map((item) => ({
      id: item.id,
      invoice_id: item.invoiceId,
      number: item.number,
      due_on: item.dueOn,
      effective_due_on: effectiveDueOn(item),
      total: formatAmount(item.amountMinor, currency),
      balance: formatAmount(item.balanceMinor, currency),
      disputed: formatAmount(asked.get(item.id)?.disputedMinor ?? 0n, currency),
      net: formatAmount(asked.get(item.id)?.askedMinor ?? 0n, currency),
      days_overdue: late(item),
      stage: item.stageCode,
      entry_id: entered.get(item.id)?.id ?? null
    }))
  }
}

/** By offset, for each policy has words of its own. A stage that an edited policy no longer has ranks nowhere. */
function highestOf(items: readonly OpenObligation[], { policyAt, timeZone }: Pick<Notice, 'policyAt'> & { timeZone: string }) {
  let highest: { stage: Stage; enteredAt: Date } | undefined
  for (const { policyId, policyVersion: version, stageCode, stageEnteredAt } of items) {
    if (policyId === null || version === null || stageEnteredAt === null) continue
    const stage = policyAt({ policyId, version }).stages.find(({ code }) => code === stageCode)
    if (stage !== undefined && (highest === undefined || stage.offsetDays > highest.stage.offsetDays)) {
      highest = { stage, enteredAt: stageEnteredAt }
    }
  }
  if (highest === undefined) return null
  const { code, offsetDays, tone, action, graceDays, audience } = highest.stage
  const deadlineOn = graceDays > 0 ? addDays(dayIn(highest.enteredAt, timeZone), graceDays) : null
  return { audience, stage: { code, offset_days: offsetDays, tone, action, deadline_on: deadlineOn } }
}

function askedIn(
  item: OpenObligation,
  { open, holdsOf, creditOf, today }: Pick<Notice, 'open' | 'holdsOf' | 'creditOf' | 'today'>
): Asked {
  const parts = open.filter(({ invoiceId }) => invoiceId === item.invoiceId)
  const claim = { balanceMinor: item.balanceMinor, earlierMinor: earlierOpen(item, parts), creditMinor: creditOf(item.id) }
  return askedOf({ ...claim, holds: holdsOf(item) }, today)
}

function totalOf(all: readonly Asked[], figure: keyof Asked): bigint {
  return all.reduce((sum, asked) => sum + asked[figure], 0n)
}

function sumOf(items: readonly OpenObligation[]): bigint {
  return items.reduce((sum, { balanceMinor }) => sum + balanceMinor, 0n)
}
