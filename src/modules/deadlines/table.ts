import { foreignKey, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { instant, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import type { DeadlineKind } from './deadline.ts'

/** When something of an object is next to happen by itself. One per object; it goes when nothing is to happen any more. */
export const deadlines = pgTable(
  'deadlines',
  {
    orgId: orgId(),
    kind: text().$type<DeadlineKind>().notNull(),
    objectId: uuid().notNull(),
    clientId: uuid().notNull(),
    at: instant().notNull(),
    /** Since when it makes no progress, whenever it is looked at; null while it does. */
    parkedAt: instant()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.kind, t.objectId] }),
    foreignKey({ name: 'deadlines_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    index('deadlines_due').on(t.orgId, t.at)
  ]
)
