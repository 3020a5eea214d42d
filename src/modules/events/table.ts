import { sql } from 'drizzle-orm'
import { bigint, foreignKey, index, integer, json, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { instant, orgId } from '../../db/columns.ts'
import type { Rest } from './event.ts'

/**
 * What happened, kept for good. Written in the transaction of its cause. `seq` and `chain_hash` come after the commit,
 * from the sealer alone: numbering in the write path would serialize an organization.
 */
export const events = pgTable(
  'events',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    type: text().notNull(),
    objectKind: text().notNull(),
    objectId: uuid().notNull(),
    objectVersion: integer().notNull(),
    clientId: uuid(),
    /** The organization's time: a test organization's own clock. */
    occurredAt: instant().notNull(),
    /** Real time. */
    recordedAt: instant().notNull(),
    /** Hex SHA-256 of the body's exact bytes. */
    bodySha256: text().notNull(),
    /** W3C trace context of the request that caused it, passed on with its deliveries. */
    traceparent: text(),
    seq: bigint({ mode: 'bigint' }),
    chainHash: text()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.id] }),
    uniqueIndex('events_seq').on(t.orgId, t.seq).where(sql`${t.seq} is not null`),
    index('events_unsealed').on(t.orgId, t.id).where(sql`${t.seq} is null`),
    index('events_object').on(t.orgId, t.objectId)
  ]
)

/** The exact bytes that were signed and sent. Dropped after the retention; the record in `events` stays. */
export const eventBodies = pgTable(
  'event_bodies',
  {
    orgId: orgId(),
    eventId: uuid().notNull(),
    body: text().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.eventId] }),
    foreignKey({ name: 'event_bodies_event', columns: [t.orgId, t.eventId], foreignColumns: [events.orgId, events.id] })
  ]
)

/** What the body of an event has no room for: by list of its context, the rows that come after those in the body. Goes with the body. */
export const eventRests = pgTable(
  'event_rests',
  {
    orgId: orgId(),
    eventId: uuid().notNull(),
    /** As text, which keeps the keys in the order that they have in the body. */
    rows: json().$type<Rest>().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.eventId] }),
    foreignKey({ name: 'event_rests_event', columns: [t.orgId, t.eventId], foreignColumns: [events.orgId, events.id] })
  ]
)

/** The end of each organization's chain; its row lock makes sealing one at a time. */
export const eventChains = pgTable(
  'event_chains',
  {
    orgId: orgId(),
    lastSeq: bigint({ mode: 'bigint' }).notNull(),
    lastHash: text().notNull()
  },
  (t) => [primaryKey({ columns: [t.orgId] })]
)
