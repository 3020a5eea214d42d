/** Claims and money of one client in one currency, as simple as they can be kept: the ledger of the service must come to the same. */
export type ModelInvoice = {
  readonly id: string
  /** What the source calls it, by which its total is corrected. */
  readonly ref: string
  number: string
  readonly issuedOn: string
  /** By their due days; one of an invoice that falls due at once. */
  readonly parts: readonly ModelPart[]
  /** Whether it is dunned at all. */
  readonly isDunned: boolean
  totalMinor: bigint
  /** What was written off of it and did not come in after all. */
  givenUpMinor: bigint
  status: 'open' | 'paid' | 'void' | 'written_off'
}

/** What falls due on one day. Its `key` names it among all parts; it is the invoice's id where that has one only. */
export type ModelPart = { readonly key: string; dueOn: string; balanceMinor: bigint }

/** What of a payment is set against a part, and the latest day from which any of it counts. */
export type Share = { minor: bigint; on: string; recovered: bigint }

export type ModelPayment = {
  readonly id: string
  readonly amountMinor: bigint
  readonly isReserved: boolean
  /** Of the client's parent: it is only ever set against what it is named for. */
  readonly isParents: boolean
  /** What its source calls it, by which its status is stated. */
  readonly ref: string | null
  /** Nobody said what it is for. */
  isAutomatic: boolean
  receivedOn: string
  unappliedMinor: bigint
  status: 'pending' | 'settled' | 'failed' | 'reversed'
  announcedFor: { id: string; minor: bigint } | null
  readonly allocated: Map<string, Share>
}

/** From when on an invoice was open, or was not. */
export type Turn = Readonly<{ at: string; isOpen: boolean }>
/** From when on the client was exempt, and through which day; null ends it. */
export type Exemption = Readonly<{ at: string; untilOn: string | null }>

export const least = (...minors: bigint[]) => minors.reduce((smallest, one) => (one < smallest ? one : smallest))
export const later = (a: string, b: string) => (a > b ? a : b)
export const balanceOf = ({ parts }: ModelInvoice) => parts.reduce((sum, { balanceMinor }) => sum + balanceMinor, 0n)
/** The last of its due days. */
export const lastDueOn = ({ parts }: ModelInvoice) => parts.at(-1)?.dueOn ?? ''
export const onlyPart = ({ parts }: ModelInvoice) => {
  const [part] = parts
  if (part === undefined || parts.length > 1) throw new Error('Only of an invoice that falls due at once.')
  return part
}
export const byDay =
  <T>(dayOf: (one: T) => string) =>
  (a: T, b: T) =>
    dayOf(a) < dayOf(b) ? -1 : dayOf(a) > dayOf(b) ? 1 : 0

export function newPayment(made: Pick<ModelPayment, 'id' | 'amountMinor' | 'receivedOn'> & Partial<ModelPayment>): ModelPayment {
  return {
    ...{ isReserved: false, isParents: false, ref: null, isAutomatic: false, unappliedMinor: 0n, status: 'pending' as const },
    ...{ announcedFor: null, allocated: new Map<string, Share>(), ...made }
  }
}
