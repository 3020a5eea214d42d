import { type Day, day, isDay } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import { dueOnFor } from '../../kernel/terms.ts'
import type { ClientTerms } from '../clients/client.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import { checkSchedule, type DunningStart, type ExternalRef, lastDueOn, type Part } from './invoice.ts'
import type { LedgerEntry } from './ledger.ts'
import type { InvoiceDraft } from './ports.ts'
import type { PaymentLink } from './table.ts'

export type NewInvoice = Readonly<{
  /** Given where a reference was claimed for it already. */
  id: string | null
  clientId: string
  number: string
  currency: Currency
  totalMinor: bigint
  /** Today unless said. */
  issuedOn: Day | null
  /** By the client's terms, else the organization's, unless said. */
  dueOn: Day | null
  schedule: readonly Part[] | null
  collectionMethod: 'manual' | 'autopay'
  /** Null: by the organization's `dunning_from_on`. */
  dunningStart: DunningStart | null
  dunningPolicyId: string | null
  paymentLinks: readonly PaymentLink[]
  metadata: Readonly<Record<string, string>>
  externalRefs: readonly ExternalRef[]
  /** It is for what was agreed before the client's offboarding began. */
  forCommitment: boolean
}>

export const EARLIEST_ON = '1970-01-01'
export const LATEST_ON = '2199-12-31'

/** What of an invoice can be told to be wrong whoever its client is. @throws DomainError that names the field. */
export function checkStated(input: NewInvoice, { organization }: Pick<Books, 'organization'>): void {
  const { totalMinor, schedule, dueOn, issuedOn, dunningPolicyId: policyId } = input
  if (totalMinor <= 0n) throw new DomainError('invalid_amount', 'The total must be more than 0.', { pointer: '/total' })
  if (schedule !== null && dueOn !== null)
    throw new DomainError('invalid_request', 'Give either due_on or due_schedule.', { pointer: '/due_on' })
  if (schedule !== null) checkSchedule(schedule, totalMinor)
  checkDays(input, issuedOn ?? day(EARLIEST_ON), schedule ?? (dueOn === null ? [] : [{ dueOn, amountMinor: totalMinor }]))
  if (policyId !== null && !organization.policyVersions.has(policyId))
    throw new DomainError('reference_not_found', 'There is no such dunning policy.', { pointer: '/dunning_policy_id' })
}

/**
 * The invoice with its obligations, not yet written.
 * @throws DomainError that names the field: an archived client, an amount of 0, a due date before the issue date, parts that do not sum.
 */
export function draftOf(
  input: NewInvoice,
  { books, client, newId }: { books: Books; client: ClientTerms; newId: () => string }
): InvoiceDraft {
  if (client.archivedAt !== null) throw new DomainError('client_archived', 'The client is archived and takes no new invoices.')
  if (client.offboardingStartedAt !== null && !input.forCommitment) {
    const sentence = 'The client is being offboarded and takes no new invoices but those for what was agreed before.'
    throw new DomainError('client_offboarding', sentence, { pointer: '/for_commitment' })
  }
  checkStated(input, books)
  const issuedOn = input.issuedOn ?? todayFor(books, client.timeZone)
  const parts = partsOf(input, { issuedOn, terms: client.paymentTerms ?? books.organization.defaultPaymentTerms })
  checkDays(input, issuedOn, parts)
  const id = input.id ?? newId()
  const { clientId, number, currency, totalMinor, collectionMethod, dunningStart, dunningPolicyId, paymentLinks, metadata } =
    input
  return {
    client,
    dunningStart,
    invoice: {
      id,
      clientId,
      number,
      currency,
      totalMinor,
      balanceMinor: totalMinor,
      issuedOn,
      dueOn: lastDueOn(parts),
      status: 'open',
      collectionMethod,
      dunningPolicyId,
      paymentLinks,
      metadata,
      replacedById: null,
      version: 1,
      createdAt: books.now,
      updatedAt: books.now
    },
    obligations: parts.map(({ dueOn, amountMinor }) => ({
      id: newId(),
      invoiceId: id,
      clientId,
      kind: parts.length === 1 ? 'invoice' : 'part',
      dueOn,
      currency,
      amountMinor,
      balanceMinor: amountMinor,
      cycle: 1
    }))
  }
}

function partsOf(
  input: NewInvoice,
  { issuedOn, terms }: { issuedOn: Day; terms: Parameters<typeof dueOnFor>[1] }
): [Part, ...Part[]] {
  const { schedule, dueOn, totalMinor } = input
  if (schedule === null) return [{ dueOn: dueOn ?? dueOnFor(issuedOn, terms), amountMinor: totalMinor }]
  const [first, ...rest] = schedule
  if (first === undefined)
    throw new DomainError('invalid_request', 'A schedule has at least two parts.', { pointer: '/due_schedule' })
  return [first, ...rest]
}

function checkDays({ schedule }: NewInvoice, issuedOn: Day, parts: readonly Part[]): void {
  if (!isDay(issuedOn) || issuedOn < EARLIEST_ON || issuedOn > LATEST_ON) {
    throw new DomainError('invalid_date', `Days lie between ${EARLIEST_ON} and ${LATEST_ON}.`, { pointer: '/issued_on' })
  }
  const pointerOf = (part: Part) => (schedule === null ? '/due_on' : `/due_schedule/${parts.indexOf(part)}/due_on`)
  checkDueDays(parts, { issuedOn, pointerOf })
}

/** @throws DomainError naming the part that falls due before the issue, or outside the days that are kept. */
export function checkDueDays(
  parts: readonly Part[],
  { issuedOn, pointerOf }: { issuedOn: Day; pointerOf: (part: Part) => string }
): void {
  const refuse = (sentence: string, part: Part) => {
    throw new DomainError('invalid_date', sentence, { pointer: pointerOf(part) })
  }
  for (const part of parts) {
    if (part.dueOn > LATEST_ON || part.dueOn < EARLIEST_ON) refuse(`Days lie between ${EARLIEST_ON} and ${LATEST_ON}.`, part)
    if (part.dueOn < issuedOn) refuse('An invoice does not fall due before it is issued.', part)
  }
}

/** Each part is owed from the day of issue. */
export function issuedEntries({ invoice, obligations }: InvoiceDraft, newId: () => string): LedgerEntry[] {
  return obligations.map((obligation) => ({
    id: newId(),
    kind: 'invoice_issued',
    clientId: invoice.clientId,
    currency: invoice.currency,
    invoiceId: invoice.id,
    obligationId: obligation.id,
    paymentId: null,
    balanceMinor: obligation.amountMinor,
    unappliedMinor: 0n,
    effectiveOn: invoice.issuedOn
  }))
}
