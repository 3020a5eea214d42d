import { and, eq, exists, gte, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { ifGiven, listOf, orNull } from '../../db/parameters.ts'
import { build, query } from '../../db/query.ts'
import { begun, columnsBut, insertion, newestFirst, olderThan, pageOf } from '../../db/rows.ts'
import type { Interaction, InteractionKind, InteractionOutcome, MessageOutcome } from './interaction.ts'
import { interactionInvoices, interactions } from './table.ts'

const invoiceIds = sql<string[]>`array(${build
  .select({ id: sql`${interactionInvoices.invoiceId}::text` })
  .from(interactionInvoices)
  .where(and(eq(interactionInvoices.orgId, interactions.orgId), eq(interactionInvoices.interactionId, interactions.id)))
  .orderBy(interactionInvoices.position)})`
const select = () => build.select({ ...columnsBut(interactions, 'orgId'), invoiceIds }).from(interactions)

const selectOne = query('interactions.find', { id: interactions.id }, (p) =>
  select().where(and(eq(interactions.orgId, p.orgId), eq(interactions.id, p.id)))
)

export async function find(reader: Reader, id: string): Promise<Interaction | undefined> {
  const [row] = await reader.run(selectOne, { id })
  return row
}

export type InteractionFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  kind: InteractionKind | null
  outcome: InteractionOutcome | null
  updatedSince: Date | null
}>

const selectPage = query(
  'interactions.page',
  {
    ...pageOf(interactions),
    clientId: orNull(interactions.clientId),
    invoiceId: orNull(interactionInvoices.invoiceId),
    kind: orNull(interactions.kind),
    outcome: orNull(interactions.outcome),
    updatedSince: orNull(interactions.createdAt)
  },
  (p) =>
    select()
      .where(
        and(
          eq(interactions.orgId, p.orgId),
          olderThan(interactions, p),
          ifGiven(p.clientId, eq(interactions.clientId, p.clientId)),
          ifGiven(
            p.invoiceId,
            exists(
              build
                .select({ one: sql`1` })
                .from(interactionInvoices)
                .where(
                  and(
                    eq(interactionInvoices.orgId, interactions.orgId),
                    eq(interactionInvoices.interactionId, interactions.id),
                    eq(interactionInvoices.invoiceId, p.invoiceId)
                  )
                )
            )
          ),
          ifGiven(p.kind, eq(interactions.kind, p.kind)),
          ifGiven(p.outcome, eq(interactions.outcome, p.outcome)),
          ifGiven(p.updatedSince, gte(interactions.createdAt, p.updatedSince))
        )
      )
      .orderBy(...newestFirst(interactions))
      .limit(p.limit)
)

/** Newest first. */
export function page(reader: Reader, { after, ...filter }: InteractionFilter): Promise<Interaction[]> {
  return reader.run(selectPage, { ...filter, ...begun(after) })
}

const insertRows = insertion('interactions.insert', interactions)
const insertInvoices = insertion('interactions.insert_invoices', interactionInvoices)

export function insert(tx: Tx, n: Interaction): void {
  tx.write(insertRows, { rows: [n] })
  if (n.invoiceIds.length === 0) return
  tx.write(insertInvoices, {
    rows: n.invoiceIds.map((invoiceId, position) => ({ interactionId: n.id, invoiceId, position: position + 1 }))
  })
}

/** What came of telling somebody of a stage entry. */
export type EntryOutcome = Readonly<{
  entryId: string
  interactionId: string
  outcome: MessageOutcome
  kind: InteractionKind
  occurredAt: Date
}>

const selectOutcomes = query('interactions.outcomes_of_entries', { entryIds: listOf(interactions.dunningEntryId) }, (p) =>
  build
    .select({
      entryId: sql<string>`${interactions.dunningEntryId}`,
      interactionId: interactions.id,
      outcome: sql<MessageOutcome>`${interactions.outcome}`,
      kind: interactions.kind,
      occurredAt: interactions.occurredAt
    })
    .from(interactions)
    .where(and(eq(interactions.orgId, p.orgId), p.entryIds.has(interactions.dunningEntryId)))
    .orderBy(interactions.occurredAt, interactions.createdAt, interactions.id)
)

/** Of these stage entries, in the order in which they happened. */
export function outcomesOf(reader: Reader, entryIds: readonly string[]): Promise<EntryOutcome[]> {
  return reader.run(selectOutcomes, { entryIds })
}
