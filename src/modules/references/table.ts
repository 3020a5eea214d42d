import { bigint, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { instant, orgId } from '../../db/columns.ts'
import type { ReferenceKind } from './reference.ts'

/** What other systems call our objects. Unique per kind and source: the second object to claim a name is refused. */
export const externalRefs = pgTable(
  'external_refs',
  {
    orgId: orgId(),
    kind: text().$type<ReferenceKind>().notNull(),
    source: text().notNull(),
    externalId: text().notNull(),
    objectId: uuid().notNull(),
    /** The source's own version of the object, where it has one: an older one changes nothing. */
    sourceVersion: bigint({ mode: 'bigint' }),
    createdAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.kind, t.source, t.externalId] }),
    index('external_refs_object').on(t.orgId, t.objectId)
  ]
)
