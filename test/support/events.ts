import type { TestApp } from './app.ts'

/** The body of an event as it is signed and sent. */
export type EventBody<Object = Record<string, unknown>> = Readonly<{
  type: string
  timestamp: string
  data: { organization_id: string; object: Object; previous: Partial<Object> | null; context: Record<string, unknown> }
}>

const PAGE = { afterSeq: -1n, limit: 1_000, types: null, clientId: null, from: null, to: null }

/** What the first organization was told about an object, in the order of its events; seals what is not yet sealed. */
export async function eventsAbout<Object = Record<string, unknown>>(
  { database, services, id }: Pick<TestApp, 'database' | 'services' | 'id'>,
  objectId: string
): Promise<EventBody<Object>[]> {
  await database.scoped(id, (tx) => services.events.seal(tx))
  const rows = await database.reading(id, (reader) => services.events.page(reader, { ...PAGE, objectId }))
  return rows.flatMap(({ body }) => (body === null ? [] : [JSON.parse(body) as EventBody<Object>]))
}
