import { bigint, date, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Day } from '../kernel/day.ts'

/** The tenant. It leads every key, so that no row can point across organizations and the schema shards by it. */
export const orgId = () => uuid().notNull()

/** Precision 3, because a JavaScript Date has no microseconds and a keyset cursor must compare equal. */
export const instant = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' })

/** An amount in the currency's minor unit. */
export const minor = () => bigint({ mode: 'bigint' })

/** A calendar day, never an instant. */
export const calendarDay = () => date({ mode: 'string' }).$type<Day>()
