import { column } from '../../db/arrays.ts'
import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { type Collectable, type CollectedOf, collectedUnless, noneCollected } from './collection.ts'

/** A payment that was entered wrongly was no collection. */
const hasFailed = `((p.status = 'failed' and p.reversal_reason is null) or (p.status = 'pending' and p.unconfirmed_at is not null)
  or (p.status = 'reversed' and p.reversal_reason in ('bounced', 'charged_back')))`

/** A payment concerns the invoices that it names, that it was announced for, and that it was applied to. */
const selectFailed = statement<{ id: string }>(
  'dunning_collections.failed',
  `select i.id from invoices i
   where i.org_id = $1 and i.id = any($2::uuid[]) and exists (
     select from payments p where p.org_id = $1 and p.client_id = i.client_id and ${hasFailed} and (
       exists (select from announced_allocations w
         left join external_refs x on x.org_id = w.org_id and x.kind = 'invoice' and x.source = w.invoice_source
           and x.external_id = w.invoice_external_id and x.object_id is not null
         where w.org_id = $1 and w.payment_id = p.id and coalesce(x.object_id, w.invoice_id) = i.id)
       or exists (select from ledger_entries e where e.org_id = $1 and e.payment_id = p.id and e.invoice_id = i.id)
       or exists (select from holds h join hold_invoices m on m.org_id = h.org_id and m.hold_id = h.id
         where h.org_id = $1 and h.origin_id = p.id and h.origin_kind = 'payment' and m.invoice_id = i.id)))`
)

/** Of which of these invoices the money is collected. Asks nothing where none is paid by autopay. */
export async function collectedAmong(reader: Reader, invoices: readonly Collectable[]): Promise<CollectedOf> {
  const ids = new Set(invoices.filter((one) => one.collectionMethod === 'autopay').map(({ invoiceId }) => invoiceId))
  if (ids.size === 0) return noneCollected
  const failed = await reader.run(selectFailed, [reader.orgId, column('uuid', [...ids])])
  return collectedUnless(new Set(failed.map(({ id }) => id)))
}
