import type { Tx } from '../../db/client.ts'
import { addDays, type Day, dayIn, startOfDay } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { ClientTerms } from '../clients/client.ts'
import type { ClientService } from '../clients/service.ts'
import type { SetDeadline } from '../deadlines/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, checkAhead, type Organization, todayFor } from '../organizations/organization.ts'
import { leftOpen } from './announced.ts'
import * as namedRepository from './named-repository.ts'
import { othersAmong, type PayablesOf } from './payable-service.ts'
import { checkNamed, fill, fillNamed, knownOf, type Named, type Payment, type PaymentView, type Wanted } from './payment.ts'
import * as repository from './repository.ts'

type Part = Readonly<{ currency: Currency; of: ReadonlyMap<string, bigint> }>

export type PendingEnd = 'settled' | 'failed' | 'unconfirmed'

/** What announced money must tell the modules above. Filled by the composition. */
export type PendingPorts = Readonly<{
  /** As much of these invoices is not dunned through `untilOn`; what the payment holds already, it holds as it does. */
  hold: (tx: Tx, books: Books, held: Readonly<{ paymentId: string; clientId: string; part: Part; untilOn: Day }>) => Promise<void>
  /**
   * They are again; the payment's client is locked, those of its invoices are locked then. Where it holds nothing and the money did not come, the invoices that it names are decided anew: a collection failed.
   */
  release: (
    tx: Tx,
    books: Books,
    held: Readonly<{ paymentId: string; clientId: string; named: ReadonlyMap<string, readonly string[]>; reason: PendingEnd }>
  ) => Promise<void>
  setDeadline: SetDeadline
  /** What an event that concerns the client says of the holds under which it is not to be addressed. */
  silencingOf: (tx: Tx, books: Books, of: Readonly<{ clientId: string; invoiceIds: readonly string[] }>) => Promise<object>
}>

type Deps = Readonly<{ clients: ClientService; invoices: InvoiceService; payablesOf: PayablesOf; ports: PendingPorts }>

/** What announced money does while it is not there: it counts nowhere, and keeps what it covers from being dunned. */
export function createPendings({ clients, invoices, payablesOf, ports }: Deps) {
  /** @throws DomainError naming the allocation, as for money that is there. */
  async function refuseNamed(tx: Tx, payment: Payment, named: readonly Named[]): Promise<void> {
    const { amountMinor: availableMinor, currency, clientId } = payment
    checkNamed(named, { availableMinor, currency })
    const invoiceIds = knownOf(named).map(({ invoiceId }) => invoiceId)
    const open = await payablesOf(tx, { clientId, invoiceIds })
    named.forEach((one, index) => {
      for (const known of one.waits ? [] : knownOf([one])) fillNamed(known, { open, currency, index })
    })
  }

  /** Of invoices of the payment's own client. */
  async function coveredBy(tx: Tx, payment: Payment): Promise<Wanted[]> {
    const { id, clientId, currency, amountMinor } = payment
    if (payment.reservedFor !== null) return []
    const others = await repository.otherAnnouncements(tx, { id, clientId, currency })
    // What is announced by others goes first.
    const withOthers = others.reduce((sum, other) => sum + other.amountMinor, amountMinor)
    const open = await invoices.oldestPayables(tx, { clientId, currency, amountMinor: withOthers })
    return fill(amountMinor, leftOpen(open, others))
  }

  /**
   * Holds what announced money is named for, whichever of the two came first: of the invoices that exist, as much as is named, until the
   * money must have shown on the account. The clients are locked; the others that it concerns are locked here.
   */
  async function holdNamed(tx: Tx, books: Books, of: namedRepository.AnnouncedOf): Promise<void> {
    const found = await namedRepository.announcedShares(tx, of)
    const others = othersAmong(
      found.flatMap(({ clientId, ownerId }) => [clientId, ownerId]),
      ...of.clientIds
    )
    if (others.length > 0) await clients.lockMany(tx, others)
    const announced = others.length > 0 ? await namedRepository.announcedShares(tx, of) : found
    for (const shares of Map.groupBy(announced, ({ paymentId, ownerId }) => `${paymentId} ${ownerId}`).values()) {
      const [share] = shares
      if (share === undefined) continue
      const { paymentId, ownerId: clientId, currency, maturesOn, announcedAt: createdAt } = share
      const timeZone = share.timeZone ?? books.organization.timeZone
      const { untilOn, isOver } = endOf({ maturesOn, createdAt }, { books, timeZone })
      if (isOver) continue
      await ports.hold(tx, books, { paymentId, clientId, part: { currency, of: perInvoice(shares) }, untilOn })
    }
  }

  return {
    holdNamed,

    /** With the client locked: writes the payment and holds what it covers until it must have shown on the account. */
    async announce(
      tx: Tx,
      { books, client, payment, named }: { books: Books; client: ClientTerms; payment: Payment; named: readonly Named[] | null }
    ): Promise<void> {
      const { id: paymentId, clientId } = payment
      const today = todayFor(books, client.timeZone)
      checkMaturity(payment.maturesOn, { today, organization: books.organization })
      const covered = named === null ? await coveredBy(tx, payment) : await refuseNamed(tx, payment, named)
      repository.insert(tx, payment)
      if (named !== null) namedRepository.insertNamed(tx, { paymentId, named })
      const timeZone = client.timeZone ?? books.organization.timeZone
      const { untilOn, at, isOver } = endOf(payment, { books, timeZone })
      await ports.setDeadline(tx, { kind: 'payment', objectId: paymentId, clientId, at })
      if (covered === undefined) return holdNamed(tx, books, { clientIds: [clientId], paymentId })
      // What was to be there before it was even announced keeps nothing from being dunned. Without invoices there is nothing to hold.
      if (isOver || covered.length === 0) return
      const part = { currency: payment.currency, of: perInvoice(covered) }
      await ports.hold(tx, books, { paymentId, clientId, part, untilOn })
    },

    /** Its deadline is there. @returns false, with another deadline, where its last day is not over: the client's day changed with its time zone. */
    async isOver(tx: Tx, books: Books, { payment, timeZone }: { payment: Payment; timeZone: string }): Promise<boolean> {
      const { at, isOver } = endOf(payment, { books, timeZone })
      const { id: objectId, clientId } = payment
      if (!isOver) await ports.setDeadline(tx, { kind: 'payment', objectId, clientId, at })
      return isOver
    },

    /** Something was said of it, or its time is over. */
    async conclude(
      tx: Tx,
      books: Books,
      { view, reason }: { view: Pick<PaymentView, 'payment' | 'named'>; reason: PendingEnd }
    ): Promise<void> {
      const { id: paymentId, clientId } = view.payment
      await ports.setDeadline(tx, { kind: 'payment', objectId: paymentId, clientId, at: null })
      const invoiceIds = reason === 'settled' ? [] : knownOf(view.named).map(({ invoiceId }) => invoiceId)
      const named = invoiceIds.length === 0 ? [] : await payablesOf(tx, { clientId, invoiceIds })
      const ofClients = [...Map.groupBy(named, (one) => one.clientId)].map(
        ([id, parts]) => [id, [...new Set(parts.map(({ invoiceId }) => invoiceId))]] as const
      )
      await ports.release(tx, books, { paymentId, clientId, named: new Map(ofClients), reason })
    }
  }
}

/** The last day on which announced money may show on the account, the instant after it, and whether that has come. */
function endOf(
  { maturesOn, createdAt }: Pick<Payment, 'maturesOn' | 'createdAt'>,
  { books, timeZone }: { books: Books; timeZone: string }
) {
  const untilOn = addDays(maturesOn ?? dayIn(createdAt, timeZone), books.organization.clearingDays)
  const at = startOfDay(addDays(untilOn, 1), timeZone)
  return { untilOn, at, isOver: untilOn < dayIn(books.now, timeZone) }
}

/** What is announced for each invoice, whichever part of it falls due first. */
function perInvoice(shares: readonly Wanted[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { invoiceId, amountMinor } of shares) sums.set(invoiceId, (sums.get(invoiceId) ?? 0n) + amountMinor)
  return sums
}

/** @throws DomainError naming the field: money that is announced for a day too far ahead would keep its invoices from being dunned until then. */
function checkMaturity(
  maturesOn: Day | null,
  { today, organization }: { today: Day; organization: Pick<Organization, 'announcedDaysMax'> }
): void {
  if (maturesOn !== null) checkAhead(maturesOn, { today, organization, pointer: '/matures_on' })
}
