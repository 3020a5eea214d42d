import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid
} from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import { events } from '../events/table.ts'
import { obligations } from '../invoices/table.ts'
import { organizations } from '../organizations/table.ts'
import type { StageAction } from './policy.ts'
import type { FullPolicyDocument } from './policy-document.ts'

export const dunningPolicies = pgTable(
  'dunning_policies',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    name: text().notNull(),
    /** The current one; obligations in flight may be pinned to an earlier one. */
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'dunning_policies_organization', columns: [t.orgId], foreignColumns: [organizations.orgId] }),
    index('dunning_policies_by_update').on(t.orgId, t.updatedAt, t.id)
  ]
)

/** Append-only: a version never changes, so it may be cached for good and a past decision can be made again. */
export const dunningPolicyVersions = pgTable(
  'dunning_policy_versions',
  {
    orgId: orgId(),
    policyId: uuid().notNull(),
    version: integer().notNull(),
    document: jsonb().$type<FullPolicyDocument>().notNull(),
    createdAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.policyId, t.version] }),
    foreignKey({
      name: 'dunning_policy_versions_policy',
      columns: [t.orgId, t.policyId],
      foreignColumns: [dunningPolicies.orgId, dunningPolicies.id]
    })
  ]
)

/** The fact that an obligation entered a stage, once. A mistaken one stays for the record and no longer counts. */
export const stageEntries = pgTable(
  'stage_entries',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    obligationId: uuid().notNull(),
    invoiceId: uuid().notNull(),
    clientId: uuid().notNull(),
    cycle: integer().notNull(),
    stageCode: text().notNull(),
    repetition: integer().notNull(),
    kind: text().$type<'entered' | 'baseline'>().notNull(),
    skipped: text().array().notNull(),
    /** As they stood in the policy version: an edited policy must not move what was said. */
    offsetDays: integer().notNull(),
    graceDays: integer().notNull(),
    action: text().$type<StageAction>(),
    policyId: uuid().notNull(),
    policyVersion: integer().notNull(),
    calendarVersion: integer().notNull(),
    enteredAt: instant().notNull(),
    enteredOn: calendarDay().notNull(),
    /** The due date at that time; null in rows of before it was kept. */
    dueOn: calendarDay(),
    daysOverdue: integer().notNull(),
    balanceMinor: minor().notNull(),
    recordedAt: instant().notNull(),
    /** When a notice told the client of it; null where none did, or not yet. */
    toldAt: instant(),
    mistakenAt: instant(),
    mistakenReason: text()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({
      name: 'stage_entries_obligation',
      columns: [t.orgId, t.obligationId],
      foreignColumns: [obligations.orgId, obligations.id]
    }),
    uniqueIndex('stage_entries_once')
      .on(t.orgId, t.obligationId, t.cycle, t.stageCode, t.repetition)
      .where(sql`${t.mistakenAt} is null`),
    check('stage_entries_mistaken', sql`(${t.mistakenAt} is null) = (${t.mistakenReason} is null)`),
    index('stage_entries_by_time').on(t.orgId, t.enteredAt, t.id),
    index('stage_entries_of_invoice').on(t.orgId, t.invoiceId),
    index('stage_entries_of_client').on(t.orgId, t.clientId, t.enteredAt)
  ]
)

/** What a client was told of one currency, or is still to be told: limits of contact count what was told before. */
export const dunningNotices = pgTable(
  'dunning_notices',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    clientId: uuid().notNull(),
    currency: text().notNull(),
    /** Entries made from then on are told with it. */
    sinceAt: instant().notNull(),
    /** Null while it waits. */
    toldAt: instant(),
    toldOn: calendarDay()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'dunning_notices_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    check('dunning_notices_told', sql`(${t.toldAt} is null) = (${t.toldOn} is null)`),
    uniqueIndex('dunning_notices_once_a_day').on(t.orgId, t.clientId, t.currency, t.toldOn),
    uniqueIndex('dunning_notices_waiting').on(t.orgId, t.clientId, t.currency).where(sql`${t.toldOn} is null`)
  ]
)

/** A sweep that was asked for by hand. The row is its state: a worker takes it up, a crash leaves it to the next. */
export const dunningRuns = pgTable(
  'dunning_runs',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    status: text().$type<'queued' | 'done' | 'failed'>().notNull(),
    /** Why it failed. */
    failure: text(),
    dryRun: boolean().notNull(),
    entered: integer().notNull(),
    overdue: integer().notNull(),
    createdAt: instant().notNull(),
    finishedAt: instant()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    foreignKey({ name: 'dunning_runs_organization', columns: [t.orgId], foreignColumns: [organizations.orgId] }),
    index('dunning_runs_queued').on(t.orgId).where(sql`${t.status} = 'queued'`)
  ]
)

/**
 * A notice or stage that was not true when an endpoint's turn came, and was not sent there. What is left of it is told to that endpoint
 * alone, once it may be: the others have had it.
 */
export const noticeReissues = pgTable(
  'dunning_notice_reissues',
  {
    orgId: orgId(),
    /** The notice or stage that was superseded. */
    eventId: uuid().notNull(),
    endpointId: uuid().notNull(),
    clientId: uuid().notNull(),
    createdAt: instant().notNull(),
    /** What it told of and is still to be told, by stage entry; null until somebody looks. */
    entries: uuid().array(),
    /** When to look whether it may be told now; real time. */
    lookAt: instant().notNull(),
    /** Null while something of it may still have to be told. */
    doneAt: instant(),
    /** The last event in its place; null where there was none. */
    reissuedAs: uuid()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.eventId, t.endpointId] }),
    foreignKey({
      name: 'dunning_notice_reissues_event',
      columns: [t.orgId, t.eventId],
      foreignColumns: [events.orgId, events.id]
    }),
    index('dunning_notice_reissues_waiting').on(t.orgId, t.lookAt).where(sql`${t.doneAt} is null`),
    index('dunning_notice_reissues_of_client').on(t.orgId, t.clientId, t.endpointId).where(sql`${t.doneAt} is null`)
  ]
)
