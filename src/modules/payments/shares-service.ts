import type { Tx } from '../../db/client.ts'
import type { LedgerEntry, Payable } from '../invoices/ledger.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { fillAnnounced, stillAnnounced } from './announced.ts'
import type { PayablesOf } from './payable-service.ts'
import {
  asRecoveries,
  checkNamed,
  type FreshShare,
  fill,
  fillNamed,
  givenUpAgain,
  knownOf,
  type Named,
  type Payment,
  sumByInvoice,
  trimmed,
  type WholePayment,
  withEntries,
  withGivenUp
} from './payment.ts'

/** What money is set against, before it is written. */
export function createShares({ invoices, payablesOf }: Readonly<{ invoices: InvoiceService; payablesOf: PayablesOf }>) {
  /** What the client may pay of the invoices, as they stand once `freed` is posted. */
  async function openOf(
    tx: Tx,
    { clientId }: Pick<Payment, 'clientId'>,
    { invoiceIds, freed }: { invoiceIds: readonly string[]; freed: readonly LedgerEntry[] }
  ): Promise<Payable[]> {
    const also = freed.flatMap((entry) => (entry.obligationId === null ? [] : [entry.clientId]))
    return withEntries(await payablesOf(tx, { clientId, invoiceIds, also }), freed)
  }

  async function named(
    tx: Tx,
    payment: Payment,
    how: { wanted: readonly Named[]; availableMinor: bigint; freed: readonly LedgerEntry[] }
  ): Promise<FreshShare[]> {
    const { wanted, availableMinor, freed } = how
    const { clientId, currency } = payment
    checkNamed(wanted, { availableMinor, currency })
    const invoiceIds = knownOf(wanted).map(({ invoiceId }) => invoiceId)
    const [payables, own] = await Promise.all([openOf(tx, payment, { invoiceIds, freed }), invoices.givenUpOf(tx, invoiceIds)])
    // What was given up of a branch's invoices is read again with the branch locked.
    const isOwn = payables.every((part) => part.clientId === clientId)
    const givenUp = givenUpAgain(isOwn ? own : await invoices.givenUpOf(tx, invoiceIds), freed)
    const partsOf = Map.groupBy(withGivenUp(payables, givenUp), ({ invoiceId }) => invoiceId)
    const shares = wanted.flatMap((one, index) => {
      const [known] = knownOf([one])
      if (known === undefined) return []
      const open = partsOf.get(known.invoiceId) ?? []
      // What its source names by reference may be another invoice, or more open, before long.
      return one.waits
        ? fill(
            known.amountMinor,
            open.filter((part) => part.currency === currency)
          )
        : fillNamed(known, { open, currency, index })
    })
    return asRecoveries(shares, givenUp)
  }

  async function oldestDue(
    tx: Tx,
    { clientId, currency }: Payment,
    { amountMinor, freed }: { amountMinor: bigint; freed: readonly LedgerEntry[] }
  ): Promise<Payable[]> {
    const freedIds = [...new Set(freed.flatMap(({ invoiceId }) => (invoiceId === null ? [] : [invoiceId])))]
    const open = await invoices.oldestPayables(tx, { clientId, currency, amountMinor })
    if (freedIds.length === 0) return open
    const openIds = new Set(open.map(({ obligationId }) => obligationId))
    const closed = (await invoices.payablesOfInvoices(tx, freedIds)).filter(
      (one) => one.clientId === clientId && !openIds.has(one.obligationId)
    )
    return withEntries(await invoices.inDueOrder(tx, [...open, ...closed]), freed)
  }

  return {
    /**
     * What the money is set against: what the caller names, else what it was announced for, else what is oldest due; nothing where it
     * is reserved.
     * @param how.freed entries that are posted together with the shares, and make room for them.
     */
    async sharesOf(
      tx: Tx,
      payment: Payment,
      how: {
        wanted: readonly Named[] | null
        announced?: readonly Named[]
        availableMinor: bigint
        freed?: readonly LedgerEntry[]
      }
    ): Promise<FreshShare[]> {
      const { wanted, announced = [], availableMinor, freed = [] } = how
      if (wanted !== null) return named(tx, payment, { wanted, availableMinor, freed })
      if (announced.length > 0) {
        const known = knownOf(announced)
        const invoiceIds = known.map(({ invoiceId }) => invoiceId)
        const open = await openOf(tx, payment, { invoiceIds, freed })
        return fillAnnounced(
          known,
          open.filter(({ currency }) => currency === payment.currency)
        )
      }
      if (payment.reservedFor !== null) return []
      return fill(availableMinor, await oldestDue(tx, payment, { amountMinor: availableMinor, freed }))
    },

    /** What a payment names, as it stands, where another amount takes its place; see `stillAnnounced`. */
    async stillNamed(
      tx: Tx,
      { payment, allocations, named: said }: WholePayment,
      { amountMinor, freed }: { amountMinor: bigint; freed: readonly LedgerEntry[] }
    ): Promise<Named[] | null> {
      if (said.length === 0) return null
      if (said.some(({ waits }) => waits)) return trimmed(said, amountMinor)
      const wanted = payment.status === 'settled' ? sumByInvoice(allocations) : knownOf(said)
      const invoiceIds = wanted.map(({ invoiceId }) => invoiceId)
      const open = await openOf(tx, payment, { invoiceIds, freed })
      const still = stillAnnounced(wanted, { open, amountMinor })
      return still?.map((one) => ({ ...one, ref: null, waits: false })) ?? null
    }
  }
}

export type Shares = ReturnType<typeof createShares>
