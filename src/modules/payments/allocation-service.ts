import type { Tx } from '../../db/client.ts'
import { mapInParts } from '../../db/parts.ts'
import { type Day, maxDay } from '../../kernel/day.ts'
import { type Currency, storedCurrency } from '../../kernel/money.ts'
import type { EventDraft } from '../events/event.ts'
import type { Allocation, LedgerEntry } from '../invoices/ledger.ts'
import type { Credit, Released } from '../invoices/ports.ts'
import type { Books } from '../organizations/organization.ts'
import { fillWaiting } from './announced.ts'
import * as namedRepository from './named-repository.ts'
import { othersAmong } from './payable-service.ts'
import { type FreshShare, fill, stillSet } from './payment.ts'
import { clientsOf, creditChanges, latestOf } from './receipt.ts'
import * as repository from './repository.ts'
import type { PaymentServiceDeps } from './service.ts'

type Sourced = FreshShare & Readonly<{ paymentId: string; fromOn: Day }>

/** Whose payments they are: what these have in credit may change. */
type Payers = readonly string[]

type Recovery = Readonly<{ paymentId: string; obligationId: string; invoiceId: string; byMinor: bigint; effectiveOn: Day }>

/** Events of the payment itself, made when the ledger stands as it will. */
type Told = () => Promise<EventDraft[]>

/** Moves money between payments and obligations: ledger, balances, dunning, events, in this order, in the caller's transaction. */
export function createAllocator(deps: PaymentServiceDeps) {
  const { newId, clock, events, clients, invoices, obligationsChanged, creditChanged } = deps

  async function move(
    tx: Tx,
    how: { books: Books; at: Date; entries: readonly LedgerEntry[]; payers: Payers; reason: string; told: Told }
  ): Promise<void> {
    const { books, at, entries, payers, reason, told } = how
    const touched = entries.filter(({ obligationId }) => obligationId !== null)
    const invoiceIds = [...new Set(touched.flatMap(({ invoiceId }) => (invoiceId === null ? [] : [invoiceId])))]
    if (invoiceIds.length > 0) invoices.changing(tx, books, await invoices.viewsOf(tx, invoiceIds))
    await invoices.post(tx, { entries, at, recordedAt: clock.now() })
    const recovered = touched.filter(({ kind }) => kind === 'write_off_recovered')
    if (recovered.length > 0) await invoices.followRecovery(tx, invoiceIds)
    const [first] = touched
    if (first !== undefined) {
      const effectiveOn = touched.reduce(
        (earliest, entry) => (entry.effectiveOn < earliest ? entry.effectiveOn : earliest),
        first.effectiveOn
      )
      const obligationIds = [...new Set(touched.flatMap(({ obligationId }) => (obligationId === null ? [] : [obligationId])))]
      await obligationsChanged(tx, { books, obligationIds, effectiveOn, reason })
    }
    const changesCredit = entries.reduce((sum, { unappliedMinor }) => sum + unappliedMinor, 0n) !== 0n
    for (const clientId of changesCredit ? payers : []) await creditChanged(tx, { books, clientId })
    await events.append(tx, { occurredAt: books.now, drafts: await told() })
  }

  function allocationEntry(share: Sourced, currency: Currency): LedgerEntry {
    return {
      id: newId(),
      kind: 'allocation',
      clientId: share.clientId,
      currency,
      invoiceId: share.invoiceId,
      obligationId: share.obligationId,
      paymentId: share.paymentId,
      balanceMinor: -share.amountMinor,
      unappliedMinor: -share.amountMinor,
      effectiveOn: maxDay(share.fromOn, share.issuedOn)
    }
  }

  /** What had been given up is owed by as much as comes in after all, or by less where that is taken back. */
  function recoveryEntry(of: Recovery, { clientId, currency }: { clientId: string; currency: Currency }): LedgerEntry {
    const { paymentId, obligationId, invoiceId, byMinor, effectiveOn } = of
    const common = { id: newId(), kind: 'write_off_recovered' as const, clientId, currency, invoiceId, obligationId }
    return { ...common, paymentId, balanceMinor: byMinor, unappliedMinor: 0n, effectiveOn }
  }

  /** @param asOf the day on which it counts; null takes it back as of the day that it counted from. */
  function reversalEntry(allocation: Allocation, { amountMinor, asOf }: { amountMinor: bigint; asOf: Day | null }): LedgerEntry {
    const { clientId, currency, invoiceId, obligationId, paymentId, effectiveOn } = allocation
    return {
      id: newId(),
      kind: 'allocation_reversed',
      clientId,
      currency,
      invoiceId,
      obligationId,
      paymentId,
      balanceMinor: amountMinor,
      unappliedMinor: amountMinor,
      // Not before it was set against the invoice: what came later than it bounced was never there.
      effectiveOn: asOf === null ? effectiveOn : maxDay(asOf, effectiveOn)
    }
  }

  /** Sets shares of payments against obligations in one currency, whose clients are locked; `receipts` are the payments' own entries. */
  async function allocate(
    tx: Tx,
    how: {
      books: Books
      at: Date
      receipts: readonly LedgerEntry[]
      shares: readonly Sourced[]
      payers: Payers
      currency: Currency
      told: Told
      /** Whether the payments' unapplied rests on their rows are to be moved; a new payment's is written with it. */
      movesCredit: boolean
    }
  ): Promise<void> {
    const { books, at, receipts, shares, payers, currency, told, movesCredit } = how
    const recoveries = shares.flatMap((share) => {
      const { recovers, fromOn, amountMinor: byMinor, paymentId, invoiceId, obligationId, clientId } = share
      if (recovers === undefined) return []
      const effectiveOn = maxDay(fromOn, recovers.writtenOffOn)
      const of = { paymentId, invoiceId, obligationId, byMinor, effectiveOn }
      return [recoveryEntry(of, { clientId, currency })]
    })
    const entries = [...receipts, ...recoveries, ...(await mapInParts(shares, (share) => allocationEntry(share, currency)))]
    const changes = movesCredit ? creditChanges(entries) : []
    if (changes.length > 0) await repository.moveUnapplied(tx, { changes, at })
    await move(tx, { books, at, entries, payers, reason: 'paid', told })
  }

  /**
   * The entries that take allocations of a payment back: of each obligation what `freedMinor` makes of what is set against it, or
   * all. Posting them is the caller's. The payment's client is locked; those of its invoices are locked here.
   */
  async function releaseOf(
    tx: Tx,
    how: { paymentId: string; clientId: string; asOf: Day | null; freedMinor: ReadonlyMap<string, bigint> | null }
  ): Promise<LedgerEntry[]> {
    const { paymentId, clientId, asOf, freedMinor } = how
    const [allocations, recovered] = await Promise.all([
      invoices.allocationsOf.payments(tx, [paymentId]),
      invoices.recoveredBy(tx, paymentId)
    ])
    const others = othersAmong(
      allocations.map((one) => one.clientId),
      clientId
    )
    if (others.length > 0) await clients.lockMany(tx, others)
    const recoveredOf = new Map(recovered.map((one) => [one.obligationId, one]))
    const byObligation = [...Map.groupBy(allocations, ({ obligationId }) => obligationId)]
    const released = await mapInParts(byObligation, ([obligationId, set]) => {
      // What the payment was given back of it meanwhile is credit, and was not brought in.
      const setMinor = set.reduce((sum, one) => sum + one.amountMinor, 0n)
      const minor = freedMinor === null ? setMinor : (freedMinor.get(obligationId) ?? 0n)
      const taken = minor === setMinor ? set : latestOf(set, minor)
      const entries = taken.map((allocation) => reversalEntry(allocation, { amountMinor: allocation.amountMinor, asOf }))
      const [allocation] = taken
      const recovery = recoveredOf.get(obligationId)
      const givenUpMinor = recovery === undefined || recovery.amountMinor > minor ? minor : recovery.amountMinor
      if (allocation === undefined || recovery === undefined || givenUpMinor <= 0n) return entries
      const effectiveOn = asOf === null ? recovery.writtenOffOn : maxDay(asOf, recovery.writtenOffOn)
      return [...entries, recoveryEntry({ ...allocation, byMinor: -givenUpMinor, effectiveOn }, allocation)]
    })
    return released.flat()
  }

  /**
   * Applies what sources named for invoices, as far as it is open by now, oldest payment first: what payments of these clients are
   * named for, and payments of their parents for invoices of theirs. The clients are locked; the others that it takes are locked here.
   * @returns whether anything was applied.
   */
  async function applyNamed(tx: Tx, { books, clientIds }: { books: Books; clientIds: readonly string[] }): Promise<boolean> {
    const found = await namedRepository.waitingShares(tx, clientIds)
    if (found.length === 0) return false
    const others = othersAmong(
      found.flatMap(({ clientId, ownerId }) => [clientId, ownerId]),
      ...clientIds
    )
    if (others.length > 0) await clients.lockMany(tx, others)
    const waiting = others.length > 0 ? await namedRepository.waitingShares(tx, clientIds) : found
    const open = await invoices.payablesOfInvoices(tx, [...new Set(waiting.map(({ invoiceId }) => invoiceId))])
    const groups = Map.groupBy(fillWaiting(waiting, open), ({ payerId, currency }) => `${payerId} ${currency}`)
    for (const shares of groups.values()) {
      const [first] = shares
      if (first === undefined) continue
      const of = { payers: [first.payerId], currency: first.currency }
      await allocate(tx, { ...{ books, at: books.now, receipts: [], shares }, ...of, told: async () => [], movesCredit: true })
    }
    return groups.size > 0
  }

  /** Whose payments they are, by payment. Those of others than the invoice's client, which is locked, are locked here. */
  async function payersOf(tx: Tx, allocations: readonly Allocation[]): Promise<ReadonlyMap<string, string>> {
    const payers = await repository.clientsOf(
      tx,
      allocations.map(({ paymentId }) => paymentId)
    )
    const others = othersAmong([...payers.values()], ...allocations.map(({ clientId }) => clientId))
    if (others.length > 0) await clients.lockMany(tx, others)
    return payers
  }

  return {
    allocate,
    releaseOf,
    applyNamed,

    /** Takes all of a payment's allocations back; its row is the caller's, and `taken` its own entry. @returns whose they were, and its client. */
    async takeBack(
      tx: Tx,
      how: { books: Books; at: Date; paymentId: string; asOf: Day | null; taken: LedgerEntry; told: Told; reason: string }
    ): Promise<string[]> {
      const { books, at, paymentId, asOf, taken, told, reason } = how
      const { clientId } = taken
      const entries = await releaseOf(tx, { paymentId, clientId, asOf, freedMinor: null })
      await move(tx, { books, at, entries: [...entries, taken], payers: [clientId], reason, told })
      return clientsOf([...entries, taken])
    },

    creditOf: namedRepository.creditOf,

    /** See `InvoicePorts.applyCredit`. */
    async applyCredit(tx: Tx, { books, credit }: { books: Books; credit: readonly Credit[] }): Promise<boolean> {
      const waiting = [...new Set(credit.flatMap(({ clientId, waitingMinor }) => (waitingMinor > 0n ? [clientId] : [])))]
      let applied = waiting.length > 0 && (await applyNamed(tx, { books, clientIds: waiting }))
      if (!books.organization.autoApplyCredit || credit.length === 0) return applied
      /** Of whom nothing is open any more, by client and currency. */
      const done = new Set<string>()
      for (const { id: paymentId, clientId, currency: code, unappliedMinor: amountMinor, receivedOn: fromOn } of credit) {
        const whose = `${clientId} ${code}`
        if (done.has(whose)) continue
        const currency = storedCurrency(code)
        const shares = fill(amountMinor, await invoices.oldestPayables(tx, { clientId, currency, amountMinor }))
        if (shares.reduce((left, share) => left - share.amountMinor, amountMinor) > 0n) done.add(whose)
        if (shares.length === 0) continue
        const sourced = shares.map((share) => ({ ...share, paymentId, fromOn }))
        const of = { payers: [clientId], currency }
        await allocate(tx, {
          books,
          at: books.now,
          receipts: [],
          shares: sourced,
          ...of,
          told: async () => [],
          movesCredit: true
        })
        applied = true
      }
      return applied
    },

    /** See `InvoicePorts.releaseAllocations`. The change of the invoice that asks for it is told by the caller. */
    async releaseAllocations(
      tx: Tx,
      input: { books: Books; obligationId: string; amountMinor: bigint; effectiveOn: Day | null }
    ): Promise<Released[]> {
      const { obligationId, effectiveOn: asOf } = input
      const at = input.books.now
      let left = input.amountMinor
      const entries: LedgerEntry[] = []
      const allocations = stillSet(await invoices.allocationsOf.obligations(tx, [obligationId]))
      const payerOf = await payersOf(tx, allocations)
      for (const allocation of allocations) {
        const amountMinor = allocation.amountMinor < left ? allocation.amountMinor : left
        if (amountMinor <= 0n) continue
        left -= amountMinor
        entries.push(reversalEntry(allocation, { amountMinor, asOf }))
      }
      await invoices.post(tx, { entries, at, recordedAt: clock.now() })
      await repository.moveUnapplied(tx, { changes: creditChanges(entries), at })
      // What the invoice's own client has counts once its obligations are followed.
      const others = othersAmong([...payerOf.values()], ...entries.map(({ clientId }) => clientId))
      for (const clientId of others) await creditChanged(tx, { books: input.books, clientId })
      return entries.flatMap(({ paymentId, clientId, unappliedMinor: amountMinor, effectiveOn: fromOn }) =>
        paymentId === null ? [] : [{ paymentId, clientId: payerOf.get(paymentId) ?? clientId, amountMinor, fromOn }]
      )
    },

    /** See `InvoicePorts.applyReleased`. */
    async applyReleased(
      tx: Tx,
      { books, released, invoiceId }: { books: Books; released: readonly Released[]; invoiceId: string }
    ): Promise<void> {
      const payables = await invoices.payablesOfInvoices(tx, [invoiceId])
      const left = new Map(payables.map(({ obligationId, balanceMinor }) => [obligationId, balanceMinor]))
      const shares = released.flatMap(({ paymentId, amountMinor, fromOn }) => {
        const open = payables.map((payable) => ({ ...payable, balanceMinor: left.get(payable.obligationId) ?? 0n }))
        const own = fill(amountMinor, open)
        for (const share of own) left.set(share.obligationId, (left.get(share.obligationId) ?? 0n) - share.amountMinor)
        return own.map((share) => ({ ...share, paymentId, fromOn }))
      })
      const [payable] = payables
      if (payable === undefined || shares.length === 0) return
      const of = { payers: [...new Set(released.map(({ clientId }) => clientId))], currency: payable.currency }
      const told = async () => []
      await allocate(tx, { ...{ books, at: books.now, receipts: [], shares, ...of, told }, movesCredit: true })
    }
  }
}
