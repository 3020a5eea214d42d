import type { Currency } from '../../kernel/money.ts'
import type { Payable } from '../invoices/ledger.ts'
import { fillWaiting } from './announced.ts'
import { type FreshShare, fill, knownOf, type PaymentView, type Share, type WholePayment, waitingOf } from './payment.ts'

/** What changes of one payment: what its obligations give back, and what is set instead. */
export type Movement = Readonly<{ view: WholePayment; freedMinor: ReadonlyMap<string, bigint>; shares: readonly FreshShare[] }>

type How = Readonly<{
  /** Everything that is open or that the payments are set against, oldest due first. */
  payables: readonly Payable[]
  /** Invoices that keep what is set against them. */
  kept: ReadonlySet<string>
  /** Whether rests that were not applied before are applied as well. */
  appliesCredit: boolean
}>

/**
 * What applying anew what was applied automatically changes: what sources named goes first, then each payment fills what is oldest due.
 * Doing it again changes nothing.
 * @param views settled payments of one client, in the order in which they are applied.
 */
export function reallocated(views: readonly WholePayment[], { payables, kept, appliesCredit }: How): Movement[] {
  const places = new Map(payables.map(({ obligationId }, place) => [obligationId, place]))
  const automatic = new Map(views.map((view) => [view.payment.id, automaticOf(view, { places, kept })]))
  const left = new Map(payables.map(({ obligationId, balanceMinor }) => [obligationId, balanceMinor]))
  const add = ({ obligationId }: Share, minor: bigint) => left.set(obligationId, (left.get(obligationId) ?? 0n) + minor)
  for (const share of [...automatic.values()].flat()) add(share, share.amountMinor)
  const released = views.map((view) => withoutAutomatic(view, automatic.get(view.payment.id) ?? []))
  const named = fillWaiting(
    released.flatMap(waitingRows),
    payables.map((one) => ({ ...one, balanceMinor: left.get(one.obligationId) ?? 0n }))
  )
  for (const share of named) add(share, -share.amountMinor)
  const namedOf = Map.groupBy(named, ({ paymentId }) => paymentId)
  const ofCurrency = Map.groupBy(payables, ({ currency }) => currency)
  /** What is left to fill from, oldest due first; what was filled once stays so and is not looked at again. */
  function* rest(currency: Currency) {
    const own = ofCurrency.get(currency) ?? []
    const leftOf = (one: Payable) => left.get(one.obligationId) ?? 0n
    const filled = own.findIndex((one) => leftOf(one) > 0n)
    own.splice(0, filled < 0 ? own.length : filled)
    for (const one of own) yield { ...one, balanceMinor: leftOf(one) }
  }
  return released.flatMap((view, index) => {
    const { payment } = view
    const own = namedOf.get(payment.id) ?? []
    const before = automatic.get(payment.id) ?? []
    const shares = fill(freeOf(view, { before, appliesCredit }), rest(payment.currency))
    for (const share of shares) add(share, -share.amountMinor)
    return differenceOf(views[index] ?? view, before, [...own, ...shares])
  })
}

/** What of a payment's allocations nobody named: of each invoice what is beyond the amount that is named for it, latest due first. */
function automaticOf(
  { allocations, named }: WholePayment,
  { places, kept }: { places: ReadonlyMap<string, number>; kept: ReadonlySet<string> }
): Share[] {
  const namedMinor = new Map<string, bigint>()
  for (const { invoiceId, amountMinor } of knownOf(named)) {
    namedMinor.set(invoiceId, (namedMinor.get(invoiceId) ?? 0n) + amountMinor)
  }
  const place = ({ obligationId }: Share) => places.get(obligationId) ?? 0
  return allocations
    .toSorted((a, b) => place(a) - place(b))
    .flatMap((share) => {
      if (kept.has(share.invoiceId)) return []
      const left = namedMinor.get(share.invoiceId) ?? 0n
      const stays = left < share.amountMinor ? left : share.amountMinor
      namedMinor.set(share.invoiceId, left - stays)
      return stays === share.amountMinor ? [] : [{ ...share, amountMinor: share.amountMinor - stays }]
    })
}

/** The payment as it is without what was applied automatically. */
function withoutAutomatic(view: WholePayment, automatic: readonly Share[]): WholePayment {
  const minorOf = new Map(automatic.map(({ obligationId, amountMinor }) => [obligationId, amountMinor]))
  const allocations = view.allocations
    .map((share) => ({ ...share, amountMinor: share.amountMinor - (minorOf.get(share.obligationId) ?? 0n) }))
    .filter(({ amountMinor }) => amountMinor > 0n)
  const unappliedMinor = automatic.reduce((sum, { amountMinor }) => sum + amountMinor, view.payment.unappliedMinor)
  return { ...view, allocations, payment: { ...view.payment, unappliedMinor } }
}

function waitingRows(view: PaymentView) {
  const { id: paymentId, clientId, currency, receivedOn, unappliedMinor } = view.payment
  if (receivedOn === null) return []
  const of = { paymentId, clientId, ownerId: clientId, currency, receivedOn, unappliedMinor }
  return knownOf(waitingOf(view)).map((one) => ({ ...one, ...of }))
}

/** What may be set against whatever is oldest due: nothing that is kept for an invoice. */
function freeOf(view: PaymentView, { before, appliesCredit }: { before: readonly Share[]; appliesCredit: boolean }): bigint {
  const free = waitingOf(view).reduce((rest, { amountMinor }) => rest - amountMinor, view.payment.unappliedMinor)
  const was = before.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
  return appliesCredit || free < was ? free : was
}

function differenceOf(view: WholePayment, before: readonly Share[], target: readonly FreshShare[]): Movement[] {
  const [was, is] = [sumsOf(before), sumsOf(target)]
  const freedMinor = new Map(
    [...was].flatMap(([id, minor]) => {
      const less = minor - (is.get(id) ?? 0n)
      return less > 0n ? [[id, less] as const] : []
    })
  )
  const shares = target.flatMap((share) => {
    const covered = was.get(share.obligationId) ?? 0n
    const more = share.amountMinor - covered
    was.set(share.obligationId, more < 0n ? -more : 0n)
    return more > 0n ? [{ ...share, amountMinor: more }] : []
  })
  return freedMinor.size === 0 && shares.length === 0 ? [] : [{ view, freedMinor, shares }]
}

function sumsOf(shares: readonly Share[]): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { obligationId, amountMinor } of shares) sums.set(obligationId, (sums.get(obligationId) ?? 0n) + amountMinor)
  return sums
}
