import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Interaction, InteractionKind, MessageOutcome } from './interaction.ts'

const columns = `n.id, n.client_id as "clientId", n.kind, n.direction, n.contact_id as "contactId", n.by, n.minutes, n.outcome,
  n.non_payment_reason as "nonPaymentReason", n.occurred_at as "occurredAt", n.summary, n.dunning_entry_id as "dunningEntryId",
  n.metadata, n.created_at as "createdAt",
  array(select v.invoice_id::text from interaction_invoices v where v.org_id = n.org_id and v.interaction_id = n.id
    order by v.position) as "invoiceIds"`

const select = statement<Interaction>(
  'interactions.find',
  `select ${columns} from interactions n where n.org_id = $1 and n.id = $2`
)

export async function find(reader: Reader, id: string): Promise<Interaction | undefined> {
  const [row] = await reader.run(select, [reader.orgId, id])
  return row
}

export type InteractionFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  kind: string | null
  outcome: string | null
  updatedSince: Date | null
}>

const selectPage = statement<Interaction>(
  'interactions.page',
  `select ${columns} from interactions n
   where n.org_id = $1 and ($3::timestamptz is null or (n.created_at, n.id) < ($3, $4::uuid))
     and ($5::uuid is null or n.client_id = $5)
     and ($6::uuid is null or exists (select from interaction_invoices v
       where v.org_id = n.org_id and v.interaction_id = n.id and v.invoice_id = $6))
     and ($7::text is null or n.kind = $7) and ($8::text is null or n.outcome = $8)
     and ($9::timestamptz is null or n.created_at >= $9)
   order by n.created_at desc, n.id desc limit $2`
)

/** Newest first. */
export function page(reader: Reader, filter: InteractionFilter): Promise<Interaction[]> {
  const { limit, after, clientId, invoiceId, kind, outcome, updatedSince } = filter
  return reader.run(selectPage, [
    reader.orgId,
    limit,
    after?.at ?? null,
    after?.id ?? null,
    clientId,
    invoiceId,
    kind,
    outcome,
    updatedSince
  ])
}

const insertRow = statement<{ id: string }>(
  'interactions.insert',
  `insert into interactions (org_id, id, client_id, kind, direction, contact_id, by, minutes, outcome, non_payment_reason, occurred_at, summary,
     dunning_entry_id, metadata, created_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
)
const insertInvoices = statement<{ id: string }>(
  'interactions.insert_invoices',
  `insert into interaction_invoices (org_id, interaction_id, invoice_id, position)
   select $1, $2, t.id, t.position from unnest($3::uuid[]) with ordinality as t(id, position)`
)

export function insert(tx: Tx, n: Interaction): void {
  tx.write(insertRow, [
    tx.orgId,
    n.id,
    n.clientId,
    n.kind,
    n.direction,
    n.contactId,
    n.by,
    n.minutes,
    n.outcome,
    n.nonPaymentReason,
    n.occurredAt,
    n.summary,
    n.dunningEntryId,
    JSON.stringify(n.metadata),
    n.createdAt
  ])
  if (n.invoiceIds.length > 0) tx.write(insertInvoices, [tx.orgId, n.id, n.invoiceIds])
}

/** What came of telling somebody of a stage entry. */
export type EntryOutcome = Readonly<{
  entryId: string
  interactionId: string
  outcome: MessageOutcome
  kind: InteractionKind
  occurredAt: Date
}>

const selectOutcomes = statement<EntryOutcome>(
  'interactions.outcomes_of_entries',
  `select n.dunning_entry_id as "entryId", n.id as "interactionId", n.outcome, n.kind, n.occurred_at as "occurredAt"
   from interactions n where n.org_id = $1 and n.dunning_entry_id = any($2::uuid[])
   order by n.occurred_at, n.created_at, n.id`
)

/** Of these stage entries, in the order in which they happened. */
export function outcomesOf(reader: Reader, entryIds: readonly string[]): Promise<EntryOutcome[]> {
  return reader.run(selectOutcomes, [reader.orgId, entryIds])
}
