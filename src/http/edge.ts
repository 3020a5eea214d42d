import type { Database } from '../db/client.ts'
import type { Once } from './idempotency.ts'

/** What a route needs to open its transaction: `once` for a write, `database.reading` for a read. */
export type Edge = Readonly<{ database: Database; once: Once }>
