import { type Static, Type } from 'typebox'
import { Amount, CurrencyCode, closed, Id, named, optional } from '../../http/schemas.ts'
import { formatAmount, storedCurrency } from '../../kernel/money.ts'
import type { ClientBalances } from './balance-service.ts'
import { ALLOCATIONS_SHOWN } from './payment.ts'
import type { MovedAmount } from './reallocation-service.ts'
import type { CurrencyBalance } from './repository.ts'
import type { StatementLine } from './statement-repository.ts'

const currencyBalance = closed({
  currency: CurrencyCode,
  open: Amount,
  overdue: Amount,
  unapplied_credit: Amount,
  reserved_credit: Type.String({ description: 'The part of `unapplied_credit` that is reserved for a purpose; not netted' }),
  pending: Type.String({ description: 'Announced money; in no other figure' }),
  net: Type.String({
    description: '`open` less `unapplied_credit`, without `reserved_credit`; negative if the client has more credit than it owes'
  }),
  open_invoices: Type.Integer()
})

export const ClientBalanceSchema = named(
  'ClientBalance',
  closed({
    client_id: Id,
    balances: Type.Array(currencyBalance, { description: 'Of the client itself: one per currency; never added across them' }),
    branches: closed(
      {
        clients: Type.Integer({ description: 'Number of clients that have this one as `parent_id`' }),
        balances: Type.Array(currencyBalance, { description: 'Of the branches together, one per currency' })
      },
      { description: 'Each branch is overdue by its own day' }
    ),
    consolidated: Type.Array(currencyBalance, { description: 'Of the client and its branches together, one per currency' })
  })
)

export const ClosingStatementSchema = named(
  'ClosingStatement',
  closed({
    client_id: Id,
    is_settled: Type.Boolean({ description: 'Nothing is owed any more' }),
    currencies: Type.Array(
      closed({
        currency: CurrencyCode,
        invoiced: Type.String({ description: 'Issued, with adjusted totals, without what was voided' }),
        paid: Type.String(),
        given_up: Type.String({ description: 'Credited, discounted or written off' }),
        open: Type.String(),
        unapplied_credit: Type.String({ description: 'Owed to the client' })
      }),
      { description: 'One per currency; invoiced is paid, given up and open together' }
    )
  })
)

export const ReallocateClient = closed(
  optional({ currency: Type.Unsafe<string>({ ...CurrencyCode, description: 'ISO 4217; every currency by default' }) })
)
export const ReallocationSchema = named(
  'Reallocation',
  closed({
    client_id: Id,
    changes: Type.Array(
      closed({
        payment_id: Id,
        invoice_id: Id,
        currency: CurrencyCode,
        amount: Type.String({
          description: 'Signed: what is applied to the invoice now and was not before; negative where it was given back'
        })
      }),
      {
        maxItems: ALLOCATIONS_SHOWN,
        description: `The first ${ALLOCATIONS_SHOWN}; empty where everything was applied so already. How everything is applied now, each payment lists under its \`allocations_url\``
      }
    ),
    changes_count: Type.Integer({ description: 'Number of changes' })
  })
)

export const balanceSchemas = [ReallocationSchema, ClientBalanceSchema, ClosingStatementSchema]

export function balanceToApi(all: ClientBalances): Static<typeof ClientBalanceSchema> {
  return {
    client_id: all.clientId,
    balances: all.own.map(currencyBalanceToApi),
    branches: { clients: all.branches.clients, balances: all.branches.balances.map(currencyBalanceToApi) },
    consolidated: all.consolidated.map(currencyBalanceToApi)
  }
}

function currencyBalanceToApi(row: CurrencyBalance): Static<typeof currencyBalance> {
  const amount = (minor: bigint) => formatAmount(minor, storedCurrency(row.currency))
  return {
    currency: row.currency,
    open: amount(row.openMinor),
    overdue: amount(row.overdueMinor),
    unapplied_credit: amount(row.creditMinor),
    reserved_credit: amount(row.reservedMinor),
    pending: amount(row.pendingMinor),
    net: amount(row.openMinor - (row.creditMinor - row.reservedMinor)),
    open_invoices: Number(row.openInvoices)
  }
}

export function statementToApi(clientId: string, lines: readonly StatementLine[]): Static<typeof ClosingStatementSchema> {
  return {
    client_id: clientId,
    is_settled: lines.every(({ openMinor }) => BigInt(openMinor) === 0n),
    currencies: lines.map((line) => {
      const amount = (minor: string) => formatAmount(BigInt(minor), storedCurrency(line.currency))
      return {
        currency: line.currency,
        invoiced: amount(line.invoicedMinor),
        paid: amount(line.paidMinor),
        given_up: amount(line.givenUpMinor),
        open: amount(line.openMinor),
        unapplied_credit: amount(line.creditMinor)
      }
    })
  }
}

export function reallocationToApi(clientId: string, moved: readonly MovedAmount[]): Static<typeof ReallocationSchema> {
  return {
    client_id: clientId,
    changes: moved.slice(0, ALLOCATIONS_SHOWN).map(({ paymentId, invoiceId, currency, byMinor }) => ({
      payment_id: paymentId,
      invoice_id: invoiceId,
      currency,
      amount: formatAmount(byMinor, currency)
    })),
    changes_count: moved.length
  }
}
