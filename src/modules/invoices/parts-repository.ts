import type { Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { Invoice, Obligation } from './invoice.ts'
import type { PartChange } from './parts.ts'
import { dunningColumns } from './repository.ts'

const moveParts = setStatement(
  'obligations.move_parts',
  `update obligations o set amount_minor = o.amount_minor + t.by_minor, balance_minor = o.balance_minor + t.by_minor, due_on = t.due_on, kind = t.kind,
     cycle = case when t.restarts then o.cycle + 1 else o.cycle end,
     overdue_announced = o.overdue_announced and not t.restarts,
     overdue_from_on = case when t.restarts then t.due_on + 1 else o.overdue_from_on end,
     stage_code = case when t.restarts then null else o.stage_code end,
     stage_entered_at = case when t.restarts then null else o.stage_entered_at end,
     next_stage_code = case when t.restarts then null else o.next_stage_code end,
     next_entry_at = case when t.restarts then null else o.next_entry_at end,
     policy_id = case when t.restarts then null else o.policy_id end,
     policy_version = case when t.restarts then null else o.policy_version end
   from unnest($2::uuid[], $3::bigint[], $4::date[], $5::boolean[], $6::text[]) as t(id, by_minor, due_on, restarts, kind)
   where o.org_id = $1 and o.id = t.id`
)

const insertParts = setStatement(
  'obligations.insert_parts',
  `insert into obligations (org_id, id, invoice_id, client_id, kind, due_on, currency, amount_minor, balance_minor, cycle, overdue_from_on,
     overdue_announced, stage_code, stage_entered_at, next_stage_code, next_entry_at, next_at, is_held, policy_id, policy_version)
   select $1, t.* from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::date[], $7::text[], $8::bigint[], $9::bigint[], $10::int[],
     $11::date[], $12::boolean[], $13::text[], $14::timestamptz[], $15::text[], $16::timestamptz[], $17::timestamptz[], $18::boolean[],
     $19::uuid[], $20::int[]) as t`
)

const moveTotals = statement<{ id: string }>(
  'invoices.move_parts',
  `update invoices set total_minor = total_minor + $3, balance_minor = balance_minor + $3, due_on = $4,
     status = case when status in ('void', 'written_off') then status when balance_minor + $3 > 0 then 'open' else 'paid' end,
     version = version + 1, updated_at = $5
   where org_id = $1 and id = $2`
)

/** Moves amounts and due days of parts, adds others, and the invoice's total, balance and last due day with them. The ledger entries are the caller's. */
export function moveInvoiceParts(
  tx: Tx,
  { invoice, changes, added, at }: { invoice: Invoice; changes: readonly PartChange[]; added: readonly Obligation[]; at: Date }
): void {
  const kind =
    changes.filter(({ part, byMinor }) => part.amountMinor + byMinor > 0n).length + added.length > 1 ? 'part' : 'invoice'
  const { statement: move, of } = setOf(moveParts, changes)
  tx.write(move, [
    tx.orgId,
    of('uuid', (c) => c.part.obligationId),
    of('int8', (c) => c.byMinor),
    of('date', (c) => c.dueOn),
    of('bool', (c) => c.restarts),
    of('text', () => kind)
  ])
  if (added.length > 0) insertObligations(tx, added)
  const byMinor =
    changes.reduce((sum, change) => sum + change.byMinor, 0n) + added.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
  tx.write(moveTotals, [tx.orgId, invoice.id, byMinor, invoice.dueOn, at])
}

function insertObligations(tx: Tx, added: readonly Obligation[]): void {
  const { statement: insert, of } = setOf(insertParts, added)
  tx.write(insert, [
    tx.orgId,
    of('uuid', (o) => o.id),
    of('uuid', (o) => o.invoiceId),
    of('uuid', (o) => o.clientId),
    of('text', (o) => o.kind),
    of('date', (o) => o.dueOn),
    of('text', (o) => o.currency),
    of('int8', (o) => o.amountMinor),
    of('int8', (o) => o.balanceMinor),
    of('int4', (o) => o.cycle),
    ...dunningColumns(of)
  ])
}
