import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { type Currency, formatAmount } from '../../kernel/money.ts'
import { LATEST_ON } from '../invoices/draft.ts'

export const disputeReasons = [
  'not_received',
  'quality',
  'quantity',
  'price',
  'not_ordered',
  'already_paid',
  'duplicate',
  'terms',
  'other'
] as const
/** What whoever answers a dispute may find. */
export const findings = ['upheld', 'partly_upheld', 'rejected'] as const
export const disputeStatuses = ['open', ...findings, 'withdrawn'] as const
export const faults = ['ours', 'client', 'shared', 'third_party', 'unknown'] as const

export type DisputeReason = (typeof disputeReasons)[number]
export type Finding = (typeof findings)[number]
export type DisputeStatus = (typeof disputeStatuses)[number]
export type Fault = (typeof faults)[number]

/** How a dispute ended. */
export type Resolution = Readonly<{
  /** Null where the client withdrew it, or the invoice was closed. */
  atFault: Fault | null
  creditMinor: bigint
  creditNoteId: string | null
  /** Why it ended by itself; null where somebody ended it. */
  reason: 'invoice_closed' | null
  note: string | null
  resolvedOn: Day
  resolvedAt: Date
}>

/** The client contests an invoice, or an amount of it. */
export type Dispute = Readonly<{
  id: string
  clientId: string
  invoiceId: string
  currency: Currency
  amountMinor: bigint
  reason: DisputeReason
  note: string | null
  openedOn: Day
  /** The last day for our answer; null where none is set. */
  respondByOn: Day | null
  /** When that day had passed without one. */
  overdueAt: Date | null
  status: DisputeStatus
  /** Null while it is open. */
  resolution: Resolution | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** @throws DomainError `/amount`: nothing, more than is open, or more than other open disputes leave of it. */
export function checkAmount(
  amountMinor: bigint,
  { balanceMinor, disputedMinor, currency }: { balanceMinor: bigint; disputedMinor: bigint; currency: Currency }
): void {
  const pointer = '/amount'
  if (amountMinor <= 0n) throw new DomainError('invalid_amount', 'A dispute is about more than 0.', { pointer })
  if (amountMinor > balanceMinor) {
    throw new DomainError('exceeds_balance', `Only ${formatAmount(balanceMinor, currency)} of the invoice is open.`, { pointer })
  }
  if (amountMinor + disputedMinor > balanceMinor) {
    const [open, disputed] = [formatAmount(balanceMinor, currency), formatAmount(disputedMinor, currency)]
    throw new DomainError('exceeds_balance', `${open} of the invoice is open, and ${disputed} of it is disputed already.`, {
      pointer
    })
  }
}

/** @throws DomainError `/respond_by_on`: a day that has passed, or one beyond all plans. */
export function checkRespondBy(respondByOn: Day | null, today: Day): void {
  if (respondByOn === null) return
  const pointer = '/respond_by_on'
  if (respondByOn < today) {
    throw new DomainError('invalid_date', `It is ${today} for this client: an answer by then comes too late.`, { pointer })
  }
  if (respondByOn > LATEST_ON) throw new DomainError('invalid_date', `Days lie before ${LATEST_ON}.`, { pointer })
}

/**
 * What a finding credits of what is disputed.
 * @throws DomainError `/credit`: none where only a part is upheld, nothing, more than is disputed, or any where the finding says it all.
 */
export function creditOf(finding: Finding, { amountMinor, currency }: Dispute, creditMinor: bigint | null): bigint {
  const pointer = '/credit'
  if (finding !== 'partly_upheld') {
    if (creditMinor === null) return finding === 'upheld' ? amountMinor : 0n
    const sentence =
      finding === 'upheld'
        ? 'A dispute that is upheld credits all that is disputed.'
        : 'A dispute that is rejected credits nothing.'
    throw new DomainError('invalid_request', sentence, { pointer })
  }
  if (creditMinor === null) {
    throw new DomainError('invalid_request', 'Say how much is credited where a dispute is partly upheld.', { pointer })
  }
  if (creditMinor <= 0n) throw new DomainError('invalid_amount', 'A credit must be more than 0.', { pointer })
  if (creditMinor > amountMinor) {
    throw new DomainError('exceeds_balance', `Only ${formatAmount(amountMinor, currency)} is disputed.`, { pointer })
  }
  return creditMinor
}

export function requireOpen({ status }: Dispute): void {
  if (status !== 'open') throw new DomainError('dispute_not_open', `The dispute is ${status.replace('_', ' ')} already.`)
}
