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

const selectStatement = statement<StatementLine>(
  'payments.closing_statement',
  `select currency,
     coalesce(sum(balance_minor) filter (where kind in ('invoice_issued', 'total_adjusted', 'voided')), 0)::text as "invoicedMinor",
     coalesce(-sum(balance_minor) filter (where kind in ('allocation', 'allocation_reversed')), 0)::text as "paidMinor",
     coalesce(-sum(balance_minor) filter (where kind not in ('invoice_issued', 'total_adjusted', 'voided', 'allocation', 'allocation_reversed')), 0)::text
       as "givenUpMinor",
     coalesce(sum(balance_minor), 0)::text as "openMinor", coalesce(sum(unapplied_minor), 0)::text as "creditMinor"
   from ledger_entries where org_id = $1 and client_id = $2 group by currency order by currency`
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
