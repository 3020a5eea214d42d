import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'

/** What a client's ledger comes to in one currency. Amounts as text: a sum of many can be more than a bigint column keeps. */
export type StatementLine = Readonly<{
  currency: string
  invoicedMinor: string
  paidMinor: string
  givenUpMinor: string
  openMinor: string
  creditMinor: string
}>

const claims = `'invoice_issued', 'total_adjusted', 'voided'`
const paid = `'allocation', 'allocation_reversed'`

// An allocation to a branch's invoice is of the branch, what it takes from the payment's rest is of the payment's client.
const selectStatement = statement<StatementLine>(
  'payments.closing_statement',
  `with owed as (
     select currency, coalesce(sum(balance_minor) filter (where kind in (${claims})), 0) as invoiced,
       coalesce(-sum(balance_minor) filter (where kind in (${paid})), 0) as paid,
       coalesce(-sum(balance_minor) filter (where kind not in (${claims}, ${paid})), 0) as given_up, sum(balance_minor) as open
     from ledger_entries where org_id = $1 and client_id = $2 group by currency
   ), had as (
     select e.currency, sum(e.unapplied_minor) as credit
     from payments p join ledger_entries e on e.org_id = p.org_id and e.payment_id = p.id where p.org_id = $1 and p.client_id = $2 group by e.currency
   )
   select currency, coalesce(invoiced, 0)::text as "invoicedMinor", coalesce(paid, 0)::text as "paidMinor", coalesce(given_up, 0)::text as "givenUpMinor",
     coalesce(open, 0)::text as "openMinor", coalesce(credit, 0)::text as "creditMinor"
   from owed full join had using (currency) order by currency`
)

export function closingLines(reader: Reader, clientId: string): Promise<StatementLine[]> {
  return reader.run(selectStatement, [reader.orgId, clientId])
}

const leavingSource = `select c.id,
     not exists (select from obligations o where o.org_id = c.org_id and o.client_id = c.id and o.balance_minor > 0) as "isSettled"
   from clients c where c.org_id = $1 and c.offboarding_started_at is not null`
const selectLeavingClient = statement<{ id: string; isSettled: boolean }>(
  'payments.offboarding_client',
  `${leavingSource} and c.id = $2`
)
const selectLeaving = statement<{ id: string; isSettled: boolean }>(
  'payments.offboarding_clients',
  `${leavingSource}
     and c.id = any(array(select client_id from obligations where org_id = $1 and id = any($2::uuid[])))`
)

/** The client, if it is being parted with. */
export function leavingNow(reader: Reader, clientId: string): Promise<{ id: string; isSettled: boolean }[]> {
  return reader.run(selectLeavingClient, [reader.orgId, clientId])
}

/** Those being parted with among the clients of these obligations. */
export function leaving(reader: Reader, obligationIds: readonly string[]): Promise<{ id: string; isSettled: boolean }[]> {
  return reader.run(selectLeaving, [reader.orgId, obligationIds])
}
