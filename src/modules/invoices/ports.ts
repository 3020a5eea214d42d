import type { Tx } from '../../db/client.ts'
import type { Day } from '../../kernel/day.ts'
import type { HoldsOf } from '../../kernel/holding.ts'
import type { ClientTerms } from '../clients/client.ts'
import type { Books } from '../organizations/organization.ts'
import type { DunningStart, DunningState, Invoice, Obligation } from './invoice.ts'

/** An invoice that is about to be written, before dunning said when it is next to be looked at. */
export type InvoiceDraft = Readonly<{
  invoice: Omit<Invoice, 'dunningStart'>
  /** Null where the caller does not state it: dunning decides. */
  dunningStart: DunningStart | null
  obligations: readonly Omit<Obligation, keyof DunningState>[]
  client: ClientTerms
}>

export type Planned = Readonly<{
  /** By obligation id. */
  states: ReadonlyMap<string, DunningState>
  /** By invoice id. */
  starts: ReadonlyMap<string, DunningStart>
  /** Writes what can only be written after the obligations: baseline entries, and events that follow those of the invoices. */
  afterInsert: (tx: Tx) => Promise<void>
}>

/** What is left of a payment, and may be set against what falls due of the client: its own, or what its parent named for an invoice. */
export type Credit = Readonly<{
  id: string
  clientId: string
  currency: string
  unappliedMinor: bigint
  /** What of it is kept for invoices that it is named for; not in the other. */
  waitingMinor: bigint
  receivedOn: Day
}>

/** What a payment was given back of what it had settled, and from which day on; `clientId` is whose payment it is. */
export type Released = Readonly<{ paymentId: string; clientId: string; amountMinor: bigint; fromOn: Day }>

/** An invoice, as far as it says what waits for it. */
export type Arrived = Readonly<Pick<Invoice, 'id' | 'clientId' | 'collectionMethod'>>

export type ClientStanding = Readonly<{ credit: readonly Credit[]; holdsOf: HoldsOf }>

/** What invoices and payments must tell the modules above them. Filled by the composition. */
export type InvoicePorts = Readonly<{
  /** What these clients have in credit that may be applied by itself, and what holds their invoices. They are locked, so that it stays so. */
  standingOf: (tx: Tx, clientIds: readonly string[]) => Promise<ClientStanding>
  /** Dunning decides where new obligations start. Reads only; may be started before the invoices are inserted. */
  planDunning: (tx: Tx, input: { books: Books; holdsOf: HoldsOf; drafts: readonly InvoiceDraft[] }) => Promise<Planned>
  /**
   * Balances, due dates or status of these obligations changed: dunning clears, retracts and finds the next instant, and
   * fires its events. Called once, before the caller fires its own, with the client locked. `effectiveOn` is the earliest
   * day that the change counts from; entries made after that day may turn out mistaken.
   */
  obligationsChanged: (
    tx: Tx,
    change: { books: Books; obligationIds: readonly string[]; effectiveOn: Day; reason: string; movesPolicy?: true }
  ) => Promise<void>
  /** Something new is owed by a client that is being parted with, who may have owed nothing any more. */
  owedByLeaving: (tx: Tx, issued: { books: Books; obligationIds: readonly string[] }) => Promise<void>
  /** What these clients have in credit that may be applied by itself. They are locked, so that it stays so. */
  creditOf: (tx: Tx, clientIds: readonly string[]) => Promise<readonly Credit[]>
  /**
   * Payments apply what is named for an invoice of theirs, then credit to what its clients have open, oldest due first, where the
   * organization wants that.
   * @returns whether anything was applied.
   */
  applyCredit: (tx: Tx, input: { books: Books; credit: readonly Credit[] }) => Promise<boolean>
  /**
   * Payments give back what they allocated beyond what is owed now, the latest first. It becomes unapplied credit.
   * @param input.effectiveOn the day from which they have it again; null as if they had never set it against the obligation.
   */
  releaseAllocations: (
    tx: Tx,
    input: { books: Books; obligationId: string; amountMinor: bigint; effectiveOn: Day | null }
  ) => Promise<Released[]>
  /**
   * These invoices have names that something waits for: announced money that names them holds them, and collections that failed before they
   * were there are known. Their clients are locked.
   */
  arrived: (tx: Tx, input: { books: Books; invoices: readonly Arrived[] }) => Promise<void>
  /** Sets what payments gave back against what is open of one invoice, from the days on which they gave it back. */
  applyReleased: (tx: Tx, input: { books: Books; released: readonly Released[]; invoiceId: string }) => Promise<void>
}>
