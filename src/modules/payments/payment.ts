import type { Day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { type Currency, formatAmount } from '../../kernel/money.ts'
import type { ExternalRef } from '../invoices/invoice.ts'
import type { Allocation, GivenUp, LedgerEntry } from '../invoices/ledger.ts'
import type { Instrument, PaymentStatus, ReversalReason } from './table.ts'

export type Payment = Readonly<{
  id: string
  clientId: string
  currency: Currency
  amountMinor: bigint
  /** What no obligation has used. */
  unappliedMinor: bigint
  status: PaymentStatus
  receivedOn: Day | null
  maturesOn: Day | null
  instrument: Instrument | null
  method: string | null
  reference: string | null
  reservedFor: string | null
  reversalReason: ReversalReason | null
  reversedOn: Day | null
  reversalNote: string | null
  /** When the time was over in which announced money should have come, with nothing said of it. */
  unconfirmedAt: Date | null
  metadata: Readonly<Record<string, string>>
  version: number
  createdAt: Date
  updatedAt: Date
}>

export type Share = Readonly<{ obligationId: string; invoiceId: string; amountMinor: bigint }>

/** A share that is about to be written, with whose invoice it is, the day of its issue, and what had been given up where it is a recovery. */
export type FreshShare = Share & Readonly<{ clientId: string; issuedOn: Day; recovers?: GivenUp }>

/** A payment shows so many invoices of those that it settles; the others are a list of their own. */
export const ALLOCATIONS_SHOWN = 100

export type PaymentView = Readonly<{
  payment: Payment
  /** Of the first invoices, and of those for which something waits. */
  allocations: readonly Share[]
  /** The invoices that it settles. */
  allocationsCount: number
  /** What it is named for, in the order of naming. */
  named: readonly Named[]
  externalRefs: readonly ExternalRef[]
}>

/** With all of its allocations: what moves them, or compares them, needs each. */
export type WholePayment = PaymentView & Readonly<{ isWhole: true }>

type Open = Readonly<{ obligationId: string; invoiceId: string; clientId: string; issuedOn: Day; balanceMinor: bigint }>

/**
 * Sets money against what is open, in the given order (oldest due first), each filled before the next.
 * @returns the shares; what they leave of `amountMinor` is unapplied credit.
 */
export function fill(amountMinor: bigint, open: Iterable<Open>): FreshShare[] {
  let left = amountMinor
  const shares: FreshShare[] = []
  for (const { obligationId, invoiceId, clientId, issuedOn, balanceMinor } of open) {
    if (left <= 0n) break
    const part = left < balanceMinor ? left : balanceMinor
    if (part <= 0n) continue
    shares.push({ obligationId, invoiceId, clientId, issuedOn, amountMinor: part })
    left -= part
  }
  return shares
}

/**
 * What each payment has set against one obligation still, who paid last first. What was given back before has a day of its own.
 * @param allocations in the order in which they count.
 */
export function stillSet(allocations: readonly Allocation[]): Allocation[] {
  const sums = new Map<string, bigint>()
  for (const { paymentId, amountMinor } of allocations) sums.set(paymentId, (sums.get(paymentId) ?? 0n) + amountMinor)
  const latest = allocations.toReversed().filter(({ amountMinor }) => amountMinor > 0n)
  return [...Map.groupBy(latest, ({ paymentId }) => paymentId)].flatMap(([paymentId, [last]]) => {
    const amountMinor = sums.get(paymentId) ?? 0n
    return last === undefined || amountMinor <= 0n ? [] : [{ ...last, amountMinor }]
  })
}

/** What is named may be given up: as much of it can be paid all the same. */
export function withGivenUp<O extends Open>(open: readonly O[], givenUp: readonly GivenUp[]): O[] {
  const minorOf = new Map(givenUp.map(({ obligationId, amountMinor }) => [obligationId, amountMinor]))
  return open.map((one) => ({ ...one, balanceMinor: one.balanceMinor + (minorOf.get(one.obligationId) ?? 0n) }))
}

/** The obligations as they stand once entries are posted that are not yet. */
export function withEntries<O extends Open>(open: readonly O[], entries: readonly LedgerEntry[]): O[] {
  const byMinor = new Map<string, bigint>()
  for (const { obligationId, balanceMinor } of entries) {
    if (obligationId !== null) byMinor.set(obligationId, (byMinor.get(obligationId) ?? 0n) + balanceMinor)
  }
  return open.map((one) => ({ ...one, balanceMinor: one.balanceMinor + (byMinor.get(one.obligationId) ?? 0n) }))
}

/** What is given up once such entries are posted: a recovery that is taken back is given up again. */
export function givenUpAgain(givenUp: readonly GivenUp[], entries: readonly LedgerEntry[]): GivenUp[] {
  const again = entries.flatMap(({ kind, obligationId, balanceMinor, effectiveOn }) =>
    kind === 'write_off_recovered' && obligationId !== null
      ? [{ obligationId, amountMinor: -balanceMinor, writtenOffOn: effectiveOn }]
      : []
  )
  const known = new Set(givenUp.map(({ obligationId }) => obligationId))
  const moreBy = Map.groupBy(again, ({ obligationId }) => obligationId)
  const grown = givenUp.map((one) => {
    const more = moreBy.get(one.obligationId) ?? []
    return { ...one, amountMinor: more.reduce((sum, { amountMinor }) => sum + amountMinor, one.amountMinor) }
  })
  return [...grown, ...again.filter(({ obligationId }) => !known.has(obligationId))]
}

/** Shares of what was given up are recoveries. */
export function asRecoveries(shares: readonly FreshShare[], givenUp: readonly GivenUp[]): FreshShare[] {
  const known = new Map(givenUp.map((one) => [one.obligationId, one]))
  return shares.map((share) => {
    const recovers = known.get(share.obligationId)
    return recovers === undefined ? share : { ...share, recovers }
  })
}

export type Wanted = Readonly<{ invoiceId: string; amountMinor: bigint }>

/** An amount that is named for an invoice, which may not exist yet where it is named by reference. */
export type Named = Readonly<{
  invoiceId: string | null
  ref: ExternalRef | null
  amountMinor: bigint
  /** By its source and by reference: what cannot be set against the invoice yet is kept for it. */
  waits: boolean
}>

/** What of it names an invoice that exists. */
export function knownOf(named: readonly Named[]): Wanted[] {
  return named.flatMap(({ invoiceId, amountMinor }) => (invoiceId === null ? [] : [{ invoiceId, amountMinor }]))
}

const keyOf = ({ invoiceId, ref }: Pick<Named, 'invoiceId' | 'ref'>) => invoiceId ?? JSON.stringify([ref?.source, ref?.id])

/** Whether two lists name the same amounts of the same invoices, in whatever order. */
export function isSameNamed(a: readonly Named[], b: readonly Named[]): boolean {
  const sums = (named: readonly Named[]) => {
    const byInvoice = new Map<string, bigint>()
    for (const one of named) byInvoice.set(keyOf(one), (byInvoice.get(keyOf(one)) ?? 0n) + one.amountMinor)
    return byInvoice
  }
  const [one, other] = [sums(a), sums(b)]
  return one.size === other.size && [...one].every(([key, minor]) => other.get(key) === minor)
}

/**
 * What of a payment waits: named by its source for an invoice that does not exist yet, or of which not as much is open. Kept for that
 * invoice as far as the payment has it.
 */
export function waitingOf({ payment, allocations, named }: Pick<PaymentView, 'payment' | 'allocations' | 'named'>): Named[] {
  const waiting = named.filter(({ waits }) => waits)
  if (payment.status === 'pending') return waiting.filter(({ invoiceId }) => invoiceId === null)
  if (payment.status !== 'settled') return []
  const set = new Map(sumByInvoice(allocations).map(({ invoiceId, amountMinor }) => [invoiceId, amountMinor]))
  let left = payment.unappliedMinor
  return waiting.flatMap((one) => {
    const rest = one.amountMinor - ((one.invoiceId === null ? undefined : set.get(one.invoiceId)) ?? 0n)
    const amountMinor = rest < left ? rest : left
    if (amountMinor <= 0n) return []
    left -= amountMinor
    return [{ ...one, amountMinor }]
  })
}

/** What its source named, as far as another amount reaches. */
export function trimmed(named: readonly Named[], amountMinor: bigint): Named[] {
  let left = amountMinor
  return named.flatMap((one) => {
    const part = one.amountMinor < left ? one.amountMinor : left
    left -= part
    return part > 0n ? [{ ...one, amountMinor: part }] : []
  })
}

/** What stands of a payment: what is set against invoices, and what waits to be. */
export function standingOf(view: WholePayment): Named[] {
  if (view.payment.status !== 'settled') return [...view.named]
  const set = sumByInvoice(view.allocations).map((one) => ({ ...one, ref: null, waits: false }))
  return [...set, ...waitingOf(view)]
}

/** What stands of what a payment is named for: without what was applied automatically beside it. */
export function namedStandingOf(view: WholePayment): Named[] {
  const left = new Map(sumByInvoice(view.allocations).map(({ invoiceId, amountMinor }) => [invoiceId, amountMinor]))
  const set = knownOf(view.named).flatMap(({ invoiceId, amountMinor }) => {
    const minor = left.get(invoiceId) ?? 0n
    const part = amountMinor < minor ? amountMinor : minor
    left.set(invoiceId, minor - part)
    return part > 0n ? [{ invoiceId, amountMinor: part, ref: null, waits: false }] : []
  })
  return [...set, ...waitingOf(view)]
}

/** @throws DomainError naming the allocation: more in all than the payment has, nothing, an invoice twice. */
export function checkNamed(
  named: readonly Pick<Named, 'invoiceId' | 'amountMinor' | 'ref'>[],
  { availableMinor, currency }: { availableMinor: bigint; currency: Currency }
): void {
  const total = named.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
  if (total > availableMinor) {
    throw new DomainError(
      'payment_exceeds_balance',
      `The allocations sum to more than the ${formatAmount(availableMinor, currency)} that there is.`,
      { pointer: '/allocations' }
    )
  }
  const seen = new Set<string>()
  for (const [index, one] of named.entries()) {
    const pointer = `/allocations/${index}`
    if (seen.has(keyOf(one))) {
      throw new DomainError('invalid_request', 'This invoice is named twice.', { pointer: `${pointer}/invoice_id` })
    }
    seen.add(keyOf(one))
    if (one.amountMinor <= 0n)
      throw new DomainError('invalid_amount', 'An allocation must be more than 0.', { pointer: `${pointer}/amount` })
  }
}

/** What is set against each invoice, in the order of the first share of each. */
export function sumByInvoice(shares: readonly Pick<Share, 'invoiceId' | 'amountMinor'>[]): Wanted[] {
  return [...Map.groupBy(shares, ({ invoiceId }) => invoiceId)].map(([invoiceId, of]) => ({
    invoiceId,
    amountMinor: of.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
  }))
}

/**
 * Sets money against an invoice that the caller names, by its own due dates.
 * @param how.open what the payment's client may pay of the named invoices.
 * @throws DomainError naming the allocation: more than the invoice's balance, another currency, none that it may pay. See `checkNamed`.
 */
export function fillNamed(
  { invoiceId, amountMinor }: Wanted,
  how: { open: readonly (Open & { currency: Currency })[]; currency: Currency; index: number }
): FreshShare[] {
  const { open, currency, index } = how
  const pointer = `/allocations/${index}`
  const parts = open.filter((part) => part.invoiceId === invoiceId)
  const [first] = parts
  if (first === undefined) {
    const sentence = 'Neither the client nor a client whose `parent_id` names it has such an invoice.'
    throw new DomainError('reference_not_found', sentence, { pointer: `${pointer}/invoice_id` })
  }
  if (first.currency !== currency)
    throw new DomainError('currency_mismatch', `The invoice is in ${first.currency}, the payment in ${currency}.`, { pointer })
  const balance = parts.reduce((sum, { balanceMinor }) => sum + balanceMinor, 0n)
  if (amountMinor > balance) {
    throw new DomainError('payment_exceeds_balance', `Only ${formatAmount(balance, currency)} of the invoice is open.`, {
      pointer: `${pointer}/amount`
    })
  }
  return fill(amountMinor, parts)
}

/** A mistake is taken back as of the day it was entered for; a bounce acts on its own day. */
export function undoesHistory(reason: ReversalReason): boolean {
  return reason === 'entered_wrongly' || reason === 'deleted_upstream'
}
