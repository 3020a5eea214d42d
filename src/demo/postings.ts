import { type Currency, formatAmount, parseAmount } from '../kernel/money.ts'
import type { InvoiceDocument } from '../modules/invoices/schemas.ts'
import type { PaymentDocument } from '../modules/payments/schemas.ts'
import { type Api, ApiRefusal, type Problem, sentenceOf } from './api.ts'
import type { LedgerProblem, LedgerRow } from './ledger.ts'
import type { Receipt, Stop } from './timeline.ts'

/** Posts what a ledger says. What the service refuses becomes a problem of its line and the rest goes on. */
export type Postings = Readonly<{
  post: (stop: Stop) => Promise<void>
  problems: () => readonly LedgerProblem[]
  /** How many invoices and payments the service has taken. */
  counts: () => Readonly<{ invoices: number; payments: number }>
}>

type Known = { readonly id: string; readonly wallet: string; balanceMinor: bigint }
type BatchAnswer = Readonly<{
  results: readonly Readonly<{ index: number; invoice: InvoiceDocument | null; problem: Problem | null }>[]
}>

const BATCH_INVOICES = 500

/** @param clientIds the service's id of each client of the ledger. @param lanes payments that are posted at a time. */
export function createPostings(api: Api, { clientIds, lanes = 8 }: { clientIds: ReadonlyMap<string, string>; lanes?: number }) {
  const byNumber = new Map<string, Known>()
  const byId = new Map<string, Known>()
  const problems: LedgerProblem[] = []
  let payments = 0

  async function issue(rows: readonly LedgerRow[]): Promise<void> {
    const invoices = rows.map((row) => ({
      client_id: clientIds.get(row.client),
      number: row.invoice,
      currency: row.currency,
      total: formatAmount(row.amountMinor, row.currency),
      issued_on: row.issuedOn,
      due_on: row.dueOn,
      dunning_start: 'normal'
    }))
    const { results } = await api.post<BatchAnswer>('/v1/invoices/batch', { invoices })
    for (const { index, invoice, problem } of results) {
      const row = rows[index]
      if (row === undefined) continue
      if (invoice === null) problems.push(refused(row, problem === null ? 'no reason was given' : sentenceOf(problem)))
      else {
        const known = { id: invoice.id, wallet: walletOf(row), balanceMinor: parseAmount(invoice.balance, row.currency) }
        byNumber.set(row.invoice, known)
        byId.set(known.id, known)
      }
    }
  }

  /**
   * The money settles its own invoice; what is too much is set against what else the client owes in that currency, oldest due
   * first, and waits as credit for its next invoice.
   */
  async function receive({ row, on, amountMinor }: Receipt): Promise<void> {
    const own = byNumber.get(row.invoice)
    // Its invoice was refused, which is reported already.
    if (own === undefined) return
    const amount = (minor: bigint) => formatAmount(minor, row.currency)
    const named = own.balanceMinor < amountMinor ? own.balanceMinor : amountMinor
    const allocations = named > 0n ? { allocations: [{ invoice_id: own.id, amount: amount(named) }] } : {}
    const body = { client_id: clientIds.get(row.client), currency: row.currency, amount: amount(amountMinor), received_on: on }
    let payment = await api.post<PaymentDocument>('/v1/payments', { ...body, ...allocations })
    if (named > 0n && named < amountMinor && owesMore(own)) payment = await api.post(`/v1/payments/${payment.id}/allocations`, {})
    settle(payment, row.currency)
    payments += 1
  }

  function owesMore(paid: Known): boolean {
    return byId.values().some((other) => other !== paid && other.wallet === paid.wallet && other.balanceMinor > 0n)
  }

  function settle(payment: PaymentDocument, currency: Currency): void {
    for (const { invoice_id: id, amount } of payment.allocations) {
      const settled = byId.get(id)
      if (settled !== undefined) settled.balanceMinor -= parseAmount(amount, currency)
    }
  }

  async function receiveInOrder(receipts: readonly Receipt[]): Promise<void> {
    for (const receipt of receipts) {
      await receive(receipt).catch((error: unknown) => {
        if (!(error instanceof ApiRefusal) || error.status >= 500) throw error
        problems.push(refused(receipt.row, `the payment of ${receipt.on}: ${error.detail}`))
      })
    }
  }

  return {
    async post({ invoices, receipts }) {
      for (let from = 0; from < invoices.length; from += BATCH_INVOICES) await issue(invoices.slice(from, from + BATCH_INVOICES))
      // One client's payments keep their order; different clients do not wait for each other.
      const waiting = [...Map.groupBy(receipts, ({ row }) => row.client).values()]
      const lane = async () => {
        for (let own = waiting.shift(); own !== undefined; own = waiting.shift()) await receiveInOrder(own)
      }
      await Promise.all(Array.from({ length: Math.min(lanes, waiting.length) }, lane))
    },
    problems: () => problems,
    counts: () => ({ invoices: byId.size, payments })
  } satisfies Postings
}

function refused({ line }: LedgerRow, reason: string): LedgerProblem {
  return { line, problem: `refused by the service: ${reason}` }
}

function walletOf({ client, currency }: LedgerRow): string {
  return `${client} ${currency}`
}
