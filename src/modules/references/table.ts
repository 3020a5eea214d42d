import { bigint, boolean, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { instant, orgId } from '../../db/columns.ts'
import type { ReferenceKind } from './reference.ts'

/**
 * What other systems call our objects. Unique per kind and source: the second object to claim a name is refused. A name that a
 * write waits for stands here before its object does: who gives it to an object and who begins to wait lock one row.
 */
export const externalRefs = pgTable(
  'external_refs',
  {
    orgId: orgId(),
    kind: text().$type<ReferenceKind>().notNull(),
    source: text().notNull(),
    externalId: text().notNull(),
    /** Null while the object does not exist yet. */
    objectId: uuid(),
    /** The source's own version of the object, where it has one: an older one changes nothing. */
    sourceVersion: bigint({ mode: 'bigint' }),
    /** The version with which the source deleted the object: a write that is not newer does not bring it back. */
    deletedVersion: bigint({ mode: 'bigint' }),
    /** Whether something waits, or waited, for an object of this name. */
    isAwaited: boolean().notNull().default(false),
    createdAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.kind, t.source, t.externalId] }),
    index('external_refs_object').on(t.orgId, t.objectId)
  ]
)
