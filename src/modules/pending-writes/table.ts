import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, jsonb, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { instant, orgId } from '../../db/columns.ts'
import type { ReferenceKind } from '../references/reference.ts'
import type { Operation, RefusedFor, WriteBody, WriteState } from './pending-write.ts'

/** Writes by reference that name an object that does not exist yet. At most one per reference: what a source says later joins it. */
export const pendingWrites = pgTable(
  'pending_writes',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    kind: text().$type<ReferenceKind>().notNull(),
    source: text().notNull(),
    externalId: text().notNull(),
    operation: text().$type<Operation>().notNull(),
    sourceVersion: bigint({ mode: 'bigint' }),
    /** As it was received, without its version; null for a deletion. */
    body: jsonb().$type<WriteBody>(),
    state: text().$type<WriteState>().notNull(),
    awaitedKind: text().$type<ReferenceKind>().notNull(),
    awaitedSource: text().notNull(),
    awaitedId: text().notNull(),
    /** Why it was refused when what it waited for was there. */
    problem: jsonb().$type<RefusedFor>(),
    version: integer().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    unique('pending_writes_name').on(t.orgId, t.kind, t.source, t.externalId),
    check('pending_writes_operation', sql`${t.operation} in ('put', 'delete')`),
    check('pending_writes_body', sql`(${t.operation} = 'put') = (${t.body} is not null)`),
    check('pending_writes_state', sql`${t.state} in ('waiting', 'refused')`),
    check('pending_writes_problem', sql`(${t.state} = 'refused') = (${t.problem} is not null)`),
    index('pending_writes_awaiting').on(t.orgId, t.awaitedKind, t.awaitedSource, t.awaitedId),
    index('pending_writes_by_age').on(t.orgId, t.createdAt, t.id)
  ]
)
