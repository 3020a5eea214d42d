import { and, asc, desc, eq, gte, lte, type SQL, sql } from 'drizzle-orm'
import type { Reader } from '../../db/client.ts'
import type { Day } from '../../kernel/day.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { Entry } from './entry.ts'
import { stageEntries } from './table.ts'

type Row = Omit<typeof stageEntries.$inferSelect, 'orgId' | 'dueOn'> & Readonly<{ currency: string; dueOn: Day }>

const columns = {
  id: stageEntries.id,
  obligationId: stageEntries.obligationId,
  invoiceId: stageEntries.invoiceId,
  clientId: stageEntries.clientId,
  cycle: stageEntries.cycle,
  stageCode: stageEntries.stageCode,
  repetition: stageEntries.repetition,
  kind: stageEntries.kind,
  skipped: stageEntries.skipped,
  offsetDays: stageEntries.offsetDays,
  graceDays: stageEntries.graceDays,
  action: stageEntries.action,
  policyId: stageEntries.policyId,
  policyVersion: stageEntries.policyVersion,
  calendarVersion: stageEntries.calendarVersion,
  enteredAt: stageEntries.enteredAt,
  enteredOn: stageEntries.enteredOn,
  dueOn: sql<Day>`coalesce(${stageEntries.dueOn}, (select o.due_on from obligations o where o.org_id = ${stageEntries.orgId} and o.id = ${stageEntries.obligationId}))`,
  daysOverdue: stageEntries.daysOverdue,
  balanceMinor: stageEntries.balanceMinor,
  recordedAt: stageEntries.recordedAt,
  toldAt: stageEntries.toldAt,
  mistakenAt: stageEntries.mistakenAt,
  mistakenReason: stageEntries.mistakenReason,
  currency: sql<string>`(select o.currency from obligations o where o.org_id = ${stageEntries.orgId} and o.id = ${stageEntries.obligationId})`
}

export async function find(reader: Reader, id: string): Promise<Entry | undefined> {
  const [row] = await reader.sql
    .select(columns)
    .from(stageEntries)
    .where(and(eq(stageEntries.orgId, reader.orgId), eq(stageEntries.id, id)))
  return row && fromRow(row)
}

/** Of all cycles, the mistaken ones too, oldest first. */
export async function ofInvoice(reader: Reader, invoiceId: string): Promise<Entry[]> {
  const rows = await reader.sql
    .select(columns)
    .from(stageEntries)
    .where(and(eq(stageEntries.orgId, reader.orgId), eq(stageEntries.invoiceId, invoiceId)))
    .orderBy(asc(stageEntries.enteredAt), asc(stageEntries.id))
  return rows.map(fromRow)
}

export type EntryFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  stage: string | null
  fromOn: Day | null
  toOn: Day | null
  updatedSince: Date | null
}>

/** Newest first. */
export async function page(reader: Reader, filter: EntryFilter): Promise<Entry[]> {
  const rows = await reader.sql
    .select(columns)
    .from(stageEntries)
    .where(and(eq(stageEntries.orgId, reader.orgId), ...conditionsOf(filter)))
    .orderBy(desc(stageEntries.enteredAt), desc(stageEntries.id))
    .limit(filter.limit)
  return rows.map(fromRow)
}

function conditionsOf({ after, clientId, invoiceId, stage, fromOn, toOn, updatedSince }: EntryFilter): SQL[] {
  const conditions: SQL[] = []
  if (after !== null) {
    conditions.push(
      sql`(${stageEntries.enteredAt}, ${stageEntries.id}) < (${after.at.toISOString()}::timestamptz, ${after.id}::uuid)`
    )
  }
  if (clientId !== null) conditions.push(eq(stageEntries.clientId, clientId))
  if (invoiceId !== null) conditions.push(eq(stageEntries.invoiceId, invoiceId))
  if (stage !== null) conditions.push(eq(stageEntries.stageCode, stage))
  if (fromOn !== null) conditions.push(gte(stageEntries.enteredOn, fromOn))
  if (toOn !== null) conditions.push(lte(stageEntries.enteredOn, toOn))
  // An entry changes once at most, when it turns out mistaken; what is shown with it, whenever an outcome is reported.
  if (updatedSince !== null) {
    const since = sql`${updatedSince.toISOString()}::timestamptz`
    const reported = sql`select from interactions n where n.org_id = ${stageEntries.orgId} and n.dunning_entry_id = ${stageEntries.id} and n.created_at >= ${since}`
    conditions.push(sql`(coalesce(${stageEntries.mistakenAt}, ${stageEntries.enteredAt}) >= ${since} or exists (${reported}))`)
  }
  return conditions
}

function fromRow({ stageCode, policyId, policyVersion, currency: code, ...row }: Row): Entry {
  return { ...row, stage: stageCode, currency: storedCurrency(code), policy: { policyId, version: policyVersion } }
}
