import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { GivenUp } from './ledger.ts'

const writeOffs = "kind in ('written_off', 'write_off_recovered')"

const selectGivenUp = statement<GivenUp>(
  'ledger.given_up',
  `select obligation_id as "obligationId", (-sum(balance_minor))::bigint as "amountMinor",
     max(effective_on) filter (where kind = 'written_off') as "writtenOffOn"
   from ledger_entries where org_id = $1 and ${writeOffs} and obligation_id = any(array(
     select o.id from obligations o join invoices i on i.org_id = o.org_id and i.id = o.invoice_id
     where o.org_id = $1 and i.id = any($2::uuid[]) and i.status = 'written_off'))
   group by obligation_id having sum(balance_minor) < 0`
)

/** What is still given up of those of these invoices that are written off. */
export function givenUpOf(reader: Reader, invoiceIds: readonly string[]): Promise<GivenUp[]> {
  return reader.run(selectGivenUp, [reader.orgId, invoiceIds])
}

const selectRecovered = statement<GivenUp>(
  'ledger.recovered_by',
  `select r.obligation_id as "obligationId", sum(r.balance_minor)::bigint as "amountMinor",
     (select max(w.effective_on) from ledger_entries w
      where w.org_id = $1 and w.obligation_id = r.obligation_id and w.kind = 'written_off') as "writtenOffOn"
   from ledger_entries r where r.org_id = $1 and r.payment_id = $2 and r.kind = 'write_off_recovered'
   group by r.obligation_id having sum(r.balance_minor) > 0`
)

/** What a payment brought in of what had been written off. */
export function recoveredBy(reader: Reader, paymentId: string): Promise<GivenUp[]> {
  return reader.run(selectRecovered, [reader.orgId, paymentId])
}

const setStatuses = statement<{ id: string }>(
  'invoices.follow_recovery',
  `update invoices i set status = 'written_off' where i.org_id = $1 and i.id = any($2::uuid[]) and i.balance_minor = 0 and 0 > (
     select sum(e.balance_minor) from ledger_entries e join obligations o on o.org_id = e.org_id and o.id = e.obligation_id
     where o.org_id = $1 and o.invoice_id = i.id and e.${writeOffs}) returning i.id`
)

/** After what moved their balances: as long as something of them is given up still, they are written off, and not paid. */
export async function followRecovery(tx: Tx, invoiceIds: readonly string[]): Promise<void> {
  await tx.run(setStatuses, [tx.orgId, invoiceIds])
}
