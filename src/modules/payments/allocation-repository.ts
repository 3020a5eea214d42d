import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'

const allSums = `select obligation_id, min(invoice_id::text)::uuid as invoice_id, -sum(balance_minor) as amount, min(effective_on) as first_on
  from ledger_entries where org_id = p.org_id and payment_id = p.id and kind in ('allocation', 'allocation_reversed')
  group by obligation_id having sum(balance_minor) <> 0`
const places = `select *, dense_rank() over (order by invoice_on, invoice_part) as place from (
  select *, min(first_on) over per_invoice as invoice_on, min(obligation_id::text) over per_invoice as invoice_part
  from (${allSums}) as sums window per_invoice as (partition by invoice_id)) as firsts`

/** What each payment `p` has set, as JSON: how many invoices, and of those that are asked for how much. @param which a condition on `a`. */
export const sharesOf = (which: string) => `(select json_build_object('count', coalesce(max(a.place), 0),
    'of', coalesce(json_agg(json_build_object('obligationId', a.obligation_id, 'invoiceId', a.invoice_id, 'amountMinor', a.amount::text)
      order by a.first_on, a.obligation_id) filter (where ${which}), '[]')) from (${places}) as a) as shares`

/** What is set against an invoice. */
export type Applied = Readonly<{ invoiceId: string; amountMinor: bigint; currency: string }>

const selectAllocations = statement<Applied>(
  'payments.allocations',
  `select l.invoice_id as "invoiceId", (-sum(l.balance_minor))::bigint as "amountMinor", min(l.currency) as currency from ledger_entries l
   where l.org_id = $1 and l.payment_id = $2 and l.kind in ('allocation', 'allocation_reversed')
     and ($3::uuid is null or l.invoice_id > $3)
   group by l.invoice_id having sum(l.balance_minor) <> 0 order by l.invoice_id limit $4`
)

/** What a payment has set against each invoice, a page at a time. */
export async function allocations(
  reader: Reader,
  { id, after, limit }: { id: string; after: string | null; limit: number }
): Promise<Applied[]> {
  return reader.run(selectAllocations, [reader.orgId, id, after, limit])
}
