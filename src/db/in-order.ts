import type pg from 'pg'
import type { Tracing } from '../kernel/tracing.ts'
import { flush } from './packet.ts'

/** The same connection for Drizzle, which sends by itself: what waits to be sent goes before. */
export function inOrder(client: pg.PoolClient, tracing: Tracing): pg.PoolClient {
  const query = (...[asked, ...more]: Parameters<typeof client.query>) => {
    flush(client)
    const { text } = asked as unknown as { text: string }
    return tracing.statement({ name: 'drizzle', text }, () => client.query(asked, ...more) as unknown as Promise<unknown>)
  }
  return Object.create(client, { query: { value: query } }) as pg.PoolClient
}
