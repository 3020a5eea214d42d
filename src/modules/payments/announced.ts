import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { FreshShare, Wanted } from './payment.ts'
import { fill } from './payment.ts'

type Open = Omit<FreshShare, 'amountMinor'> & Readonly<{ balanceMinor: bigint }>

/** Money that is announced: what it names, else whatever is oldest due. */
export type Announcement = Readonly<{ amountMinor: bigint; named: readonly Wanted[] }>

/**
 * What is still open once other announced money is there, which goes first: what it names, then what is oldest due. So that the
 * cheques of a row each cover an invoice of their own, and not all of them the first.
 */
export function leftOpen<O extends Open>(open: readonly O[], others: readonly Announcement[]): O[] {
  const left = new Map(open.map(({ obligationId, balanceMinor }) => [obligationId, balanceMinor]))
  const asLeft = (parts: readonly O[]): O[] => parts.map((one) => ({ ...one, balanceMinor: left.get(one.obligationId) ?? 0n }))
  const partsOf = Map.groupBy(open, ({ invoiceId }) => invoiceId)
  const take = (amountMinor: bigint, from: readonly O[]): void => {
    for (const share of fill(amountMinor, from)) {
      left.set(share.obligationId, (left.get(share.obligationId) ?? 0n) - share.amountMinor)
    }
  }
  for (const { invoiceId, amountMinor } of others.flatMap(({ named }) => named)) {
    take(amountMinor, asLeft(partsOf.get(invoiceId) ?? []))
  }
  for (const { amountMinor, named } of others) if (named.length === 0) take(amountMinor, asLeft(open))
  return asLeft(open)
}

/** What of an announcement still makes sense: as far as it is open, and as the amount reaches. Null where nothing of it does. */
export function stillAnnounced(
  announced: readonly Wanted[],
  { open, amountMinor }: { open: readonly Open[]; amountMinor: bigint }
): Wanted[] | null {
  let left = amountMinor
  const partsOf = Map.groupBy(open, ({ invoiceId }) => invoiceId)
  const kept = announced.flatMap((wanted) => {
    const openMinor = fill(wanted.amountMinor, partsOf.get(wanted.invoiceId) ?? []).reduce(
      (sum, share) => sum + share.amountMinor,
      0n
    )
    const part = left < openMinor ? left : openMinor
    left -= part
    return part > 0n ? [{ ...wanted, amountMinor: part }] : []
  })
  return kept.length === 0 ? null : kept
}

/** Sets announced money that is there now against what it was announced for, as far as that is still open. */
export function fillAnnounced(announced: readonly Wanted[], open: readonly Open[]): FreshShare[] {
  const partsOf = Map.groupBy(open, ({ invoiceId }) => invoiceId)
  return announced.flatMap(({ invoiceId, amountMinor }) => fill(amountMinor, partsOf.get(invoiceId) ?? []))
}

type Waiting = Wanted &
  Readonly<{
    paymentId: string
    clientId: string
    /** Whose invoice it may be set against: the client's own, or that of a branch. */
    ownerId: string
    currency: Currency
    receivedOn: Day
    unappliedMinor: bigint
  }>

/**
 * Sets what payments are named for against what is open of it, in the order given. What is of another client or currency by now is
 * left waiting.
 */
export function fillWaiting(
  waiting: readonly Waiting[],
  open: readonly (Open & Readonly<{ clientId: string; currency: Currency }>)[]
): (FreshShare & Readonly<{ paymentId: string; payerId: string; currency: Currency; fromOn: Day }>)[] {
  const left = new Map(open.map(({ obligationId, balanceMinor }) => [obligationId, balanceMinor]))
  const partsOf = Map.groupBy(open, ({ invoiceId }) => invoiceId)
  const rest = new Map(waiting.map(({ paymentId, unappliedMinor }) => [paymentId, unappliedMinor]))
  return waiting.flatMap(({ paymentId, clientId: payerId, ownerId, currency, receivedOn: fromOn, invoiceId, amountMinor }) => {
    const own = (partsOf.get(invoiceId) ?? [])
      .filter((part) => part.clientId === ownerId && part.currency === currency)
      .map((part) => ({ ...part, balanceMinor: left.get(part.obligationId) ?? 0n }))
    const restMinor = rest.get(paymentId) ?? 0n
    return fill(amountMinor < restMinor ? amountMinor : restMinor, own).map((share) => {
      left.set(share.obligationId, (left.get(share.obligationId) ?? 0n) - share.amountMinor)
      rest.set(paymentId, (rest.get(paymentId) ?? 0n) - share.amountMinor)
      return { ...share, paymentId, payerId, currency, fromOn }
    })
  })
}
