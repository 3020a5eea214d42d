import type { Tx } from '../../db/client.ts'
import { setStatement, setsOf } from '../../db/sets.ts'
import type { Invoice, Obligation } from './invoice.ts'
import type { LedgerEntry } from './ledger.ts'
import { entryColumns, entryInsert } from './ledger-repository.ts'
import { dunningColumns } from './repository.ts'

/** In one statement: on its way three would be parsed, bound and answered each by itself. */
const issueInvoices = setStatement(
  'invoices.issue',
  `with issued as (
     insert into invoices (org_id, id, client_id, number, currency, total_minor, balance_minor, issued_on, due_on, status, collection_method,
       dunning_start, dunning_policy_id, payment_links, metadata, version, created_at, updated_at)
     select $1, id, client_id, number, currency, total, total, issued_on, due_on, 'open', collection_method, dunning_start, policy_id,
       payment_links::jsonb, metadata::jsonb, 1, $44, $44
     from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::date[], $8::date[], $9::text[], $10::text[], $11::uuid[],
       $12::text[], $13::text[]) as t(id, client_id, number, currency, total, issued_on, due_on, collection_method, dunning_start, policy_id,
       payment_links, metadata)
   ), due as (
     insert into obligations (org_id, id, invoice_id, client_id, kind, due_on, currency, amount_minor, balance_minor, cycle, overdue_from_on,
       overdue_announced, stage_code, stage_entered_at, next_stage_code, next_entry_at, next_at, is_held, policy_id, policy_version)
     select $1, t.* from unnest($14::uuid[], $15::uuid[], $16::uuid[], $17::text[], $18::date[], $19::text[], $20::bigint[], $21::bigint[],
       $22::int[], $23::date[], $24::boolean[], $25::text[], $26::timestamptz[], $27::text[], $28::timestamptz[], $29::timestamptz[],
       $30::boolean[], $31::uuid[], $32::int[]) as t
   )
   ${entryInsert(33)}`
)

export type Issued = Readonly<{
  /** Open, with their whole total as balance. */
  invoices: readonly Invoice[]
  obligations: readonly Obligation[]
  entries: readonly LedgerEntry[]
  /** The organization's time. */
  at: Date
  /** Real time. */
  recordedAt: Date
}>

/** New invoices with what falls due of them and the ledger entries that say so. */
export function insertIssued(tx: Tx, { invoices, obligations, entries, at, recordedAt }: Issued): void {
  const { statement, columnsOf } = setsOf(issueInvoices, [invoices, obligations, entries])
  const invoice = columnsOf(invoices)
  const obligation = columnsOf(obligations)
  tx.write(statement, [
    tx.orgId,
    invoice('uuid', (i) => i.id),
    invoice('uuid', (i) => i.clientId),
    invoice('text', (i) => i.number),
    invoice('text', (i) => i.currency),
    invoice('int8', (i) => i.totalMinor),
    invoice('date', (i) => i.issuedOn),
    invoice('date', (i) => i.dueOn),
    invoice('text', (i) => i.collectionMethod),
    invoice('text', (i) => i.dunningStart),
    invoice('uuid', (i) => i.dunningPolicyId),
    invoice('text', (i) => JSON.stringify(i.paymentLinks)),
    invoice('text', (i) => JSON.stringify(i.metadata)),
    obligation('uuid', (o) => o.id),
    obligation('uuid', (o) => o.invoiceId),
    obligation('uuid', (o) => o.clientId),
    obligation('text', (o) => o.kind),
    obligation('date', (o) => o.dueOn),
    obligation('text', (o) => o.currency),
    obligation('int8', (o) => o.amountMinor),
    obligation('int8', (o) => o.balanceMinor),
    obligation('int4', (o) => o.cycle),
    ...dunningColumns(obligation),
    ...entryColumns(columnsOf(entries)),
    recordedAt,
    at
  ])
}
