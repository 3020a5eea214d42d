import type { Tx } from '../../db/client.ts'
import { type Day, maxDay } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'
import type { EventDraft } from '../events/event.ts'
import type { Allocation, LedgerEntry } from '../invoices/ledger.ts'
import type { Credit, Released } from '../invoices/ports.ts'
import type { Books } from '../organizations/organization.ts'
import { fillWaiting } from './announced.ts'
import * as namedRepository from './named-repository.ts'
import { type FreshShare, fill, stillSet } from './payment.ts'
import * as repository from './repository.ts'
import type { PaymentServiceDeps } from './service.ts'

type Sourced = FreshShare & Readonly<{ paymentId: string; fromOn: Day }>

type Recovery = Readonly<{ paymentId: string; obligationId: string; invoiceId: string; byMinor: bigint; effectiveOn: Day }>

/** Events of the payment itself, made when the ledger stands as it will. */
type Told = () => Promise<EventDraft[]>

/** Moves money between payments and obligations: ledger, balances, dunning, events, in this order, in the caller's transaction. */
export function createAllocator({ newId, clock, events, invoices, obligationsChanged, creditChanged }: PaymentServiceDeps) {
  async function move(
    tx: Tx,
    { books, at, entries, reason, told }: { books: Books; at: Date; entries: readonly LedgerEntry[]; reason: string; told: Told }
  ): Promise<void> {
    const touched = entries.filter(({ obligationId }) => obligationId !== null)
    const invoiceIds = [...new Set(touched.flatMap(({ invoiceId }) => (invoiceId === null ? [] : [invoiceId])))]
    if (invoiceIds.length > 0) invoices.changing(tx, books, await invoices.viewsOf(tx, invoiceIds))
    invoices.post(tx, { entries, at, recordedAt: clock.now() })
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
    const [any] = entries
    const changesCredit = entries.reduce((sum, { unappliedMinor }) => sum + unappliedMinor, 0n) !== 0n
    if (any !== undefined && changesCredit) await creditChanged(tx, { books, clientId: any.clientId })
    const [after, own] = await Promise.all([invoiceIds.length === 0 ? [] : invoices.viewsOf(tx, invoiceIds), told()])
    invoices.stand(tx, after)
    await events.append(tx, { occurredAt: books.now, drafts: own })
  }

  function allocationEntry(share: Sourced, client: { id: string; currency: Currency }): LedgerEntry {
    return {
      id: newId(),
      kind: 'allocation',
      clientId: client.id,
      currency: client.currency,
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

  /** Sets shares of payments against obligations of one client in one currency; `receipts` are the payments' own entries. */
  async function allocate(
    tx: Tx,
    how: {
      books: Books
      at: Date
      receipts: readonly LedgerEntry[]
      shares: readonly Sourced[]
      client: { id: string; currency: Currency }
      told: Told
      /** Whether the payments' unapplied rests on their rows are to be moved; a new payment's is written with it. */
      movesCredit: boolean
    }
  ): Promise<void> {
    const { books, at, receipts, shares, client, told, movesCredit } = how
    const recoveries = shares.flatMap(({ recovers, fromOn, amountMinor: byMinor, paymentId, invoiceId, obligationId }) => {
      if (recovers === undefined) return []
      const effectiveOn = maxDay(fromOn, recovers.writtenOffOn)
      const of = { paymentId, invoiceId, obligationId, byMinor, effectiveOn }
      return [recoveryEntry(of, { clientId: client.id, currency: client.currency })]
    })
    const entries = [...receipts, ...recoveries, ...shares.map((share) => allocationEntry(share, client))]
    const changes = movesCredit ? creditChanges(entries) : []
    if (changes.length > 0) await repository.moveUnapplied(tx, { changes, at })
    await move(tx, { books, at, entries, reason: 'paid', told })
  }

  /**
   * The entries that take allocations of a payment back: of each obligation what `freedMinor` makes of what is set against it, or
   * all. Posting them is the caller's.
   */
  async function releaseOf(
    tx: Tx,
    { paymentId, asOf, freedMinor }: { paymentId: string; asOf: Day | null; freedMinor: ReadonlyMap<string, bigint> | null }
  ): Promise<LedgerEntry[]> {
    const [allocations, recovered] = await Promise.all([
      invoices.allocationsOf.payments(tx, [paymentId]),
      invoices.recoveredBy(tx, paymentId)
    ])
    return [...Map.groupBy(allocations, ({ obligationId }) => obligationId)].flatMap(([obligationId, set]) => {
      // What the payment was given back of it meanwhile is credit, and was not brought in.
      const setMinor = set.reduce((sum, one) => sum + one.amountMinor, 0n)
      const minor = freedMinor === null ? setMinor : (freedMinor.get(obligationId) ?? 0n)
      const taken = minor === setMinor ? set : latestOf(set, minor)
      const entries = taken.map((allocation) => reversalEntry(allocation, { amountMinor: allocation.amountMinor, asOf }))
      const [allocation] = taken
      const recovery = recovered.find((one) => one.obligationId === obligationId)
      const givenUpMinor = recovery === undefined || recovery.amountMinor > minor ? minor : recovery.amountMinor
      if (allocation === undefined || recovery === undefined || givenUpMinor <= 0n) return entries
      const effectiveOn = asOf === null ? recovery.writtenOffOn : maxDay(asOf, recovery.writtenOffOn)
      return [...entries, recoveryEntry({ ...allocation, byMinor: -givenUpMinor, effectiveOn }, allocation)]
    })
  }

  /**
   * Applies what sources named for invoices, as far as it is open by now, oldest payment first. The clients are locked.
   * @returns whether anything was applied.
   */
  async function applyNamed(tx: Tx, { books, clientIds }: { books: Books; clientIds: readonly string[] }): Promise<boolean> {
    const waiting = await namedRepository.waitingShares(tx, clientIds)
    if (waiting.length === 0) return false
    const open = await invoices.payablesOfInvoices(tx, [...new Set(waiting.map(({ invoiceId }) => invoiceId))])
    const groups = Map.groupBy(fillWaiting(waiting, open), ({ clientId, currency }) => `${clientId} ${currency}`)
    for (const shares of groups.values()) {
      const [first] = shares
      if (first === undefined) continue
      const client = { id: first.clientId, currency: first.currency }
      await allocate(tx, { books, at: books.now, receipts: [], shares, client, told: async () => [], movesCredit: true })
    }
    return groups.size > 0
  }

  return {
    allocate,
    releaseOf,
    applyNamed,

    /** Takes all of a payment's allocations back; its row is the caller's. */
    async takeBack(
      tx: Tx,
      how: { books: Books; at: Date; paymentId: string; asOf: Day | null; taken: LedgerEntry; told: Told; reason: string }
    ): Promise<void> {
      const { books, at, paymentId, asOf, taken, told, reason } = how
      const entries = await releaseOf(tx, { paymentId, asOf, freedMinor: null })
      await move(tx, { books, at, entries: [...entries, taken], reason, told })
    },

    creditOf: namedRepository.creditOf,

    /** See `InvoicePorts.applyCredit`. */
    async applyCredit(tx: Tx, { books, credit }: { books: Books; credit: readonly Credit[] }): Promise<boolean> {
      const waiting = [...new Set(credit.flatMap(({ clientId, waitingMinor }) => (waitingMinor > 0n ? [clientId] : [])))]
      let applied = waiting.length > 0 && (await applyNamed(tx, { books, clientIds: waiting }))
      if (!books.organization.autoApplyCredit || credit.length === 0) return applied
      const open = await invoices.payablesOf(tx, {
        clientIds: [...new Set(credit.map(({ clientId }) => clientId))],
        currency: null
      })
      const left = new Map(open.map((payable) => [payable.obligationId, payable.balanceMinor]))
      for (const { id: paymentId, clientId, currency, unappliedMinor, receivedOn: fromOn } of credit) {
        const payables = open
          .filter((payable) => payable.clientId === clientId && payable.currency === currency)
          .map((payable) => ({ ...payable, balanceMinor: left.get(payable.obligationId) ?? 0n }))
        const shares = fill(unappliedMinor, payables)
        const [payable] = payables
        if (shares.length === 0 || payable === undefined) continue
        for (const share of shares) left.set(share.obligationId, (left.get(share.obligationId) ?? 0n) - share.amountMinor)
        const sourced = shares.map((share) => ({ ...share, paymentId, fromOn }))
        const client = { id: clientId, currency: payable.currency }
        await allocate(tx, {
          books,
          at: books.now,
          receipts: [],
          shares: sourced,
          client,
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
      for (const allocation of stillSet(await invoices.allocationsOf.obligations(tx, [obligationId]))) {
        const amountMinor = allocation.amountMinor < left ? allocation.amountMinor : left
        if (amountMinor <= 0n) continue
        left -= amountMinor
        entries.push(reversalEntry(allocation, { amountMinor, asOf }))
      }
      invoices.post(tx, { entries, at, recordedAt: clock.now() })
      await repository.moveUnapplied(tx, { changes: creditChanges(entries), at })
      return entries.flatMap(({ paymentId, unappliedMinor: amountMinor, effectiveOn: fromOn }) =>
        paymentId === null ? [] : [{ paymentId, amountMinor, fromOn }]
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
      const client = { id: payable.clientId, currency: payable.currency }
      const told = async () => []
      await allocate(tx, { ...{ books, at: books.now, receipts: [], shares, client, told }, movesCredit: true })
    }
  }
}

/** What entries change the unapplied rest of each payment by. */
function creditChanges(entries: readonly LedgerEntry[]): { paymentId: string; byMinor: bigint }[] {
  return entries.flatMap(({ paymentId, unappliedMinor: byMinor }) =>
    paymentId === null || byMinor === 0n ? [] : [{ paymentId, byMinor }]
  )
}

/** As much of what a payment has set against one obligation as is to be taken, what was set last first. */
function latestOf(set: readonly Allocation[], minor: bigint): Allocation[] {
  let left = minor
  return set.toReversed().flatMap((allocation) => {
    const amountMinor = allocation.amountMinor < left ? allocation.amountMinor : left
    if (amountMinor <= 0n) return []
    left -= amountMinor
    return [{ ...allocation, amountMinor }]
  })
}
