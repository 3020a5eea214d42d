import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { JsonValue, Rest } from './event.ts'

const insertRests = setStatement(
  'event_rests.insert',
  `insert into event_rests (org_id, event_id, rows) select $1, t.event_id, t.rows::json from unnest($2::uuid[], $3::text[]) as t(event_id, rows)`
)

/** After their events. */
export function insert(tx: Tx, rests: readonly Readonly<{ id: string; rest: Rest }>[]): void {
  if (rests.length === 0) return
  const { statement: insertAll, of } = setOf(insertRests, rests)
  tx.write(insertAll, [tx.orgId, of('uuid', ({ id }) => id), of('text', ({ rest }) => JSON.stringify(rest))])
}

/** `place` counts from 1. */
export type RestRow = Readonly<{ row: JsonValue; place: bigint }>
export type RestPage = Readonly<{ eventId: string; list: string; after: bigint; limit: number }>

const selectPage = statement<RestRow>(
  'event_rests.page',
  `select t.row, t.place from event_rests r cross join lateral json_array_elements(r.rows -> $3) with ordinality as t(row, place)
   where r.org_id = $1 and r.event_id = $2 and t.place > $4 order by t.place limit $5`
)

export function page(reader: Reader, { eventId, list, after, limit }: RestPage): Promise<RestRow[]> {
  return reader.run(selectPage, [reader.orgId, eventId, list, after, limit])
}

const selectRests = statement<{ eventId: string; rows: readonly JsonValue[] }>(
  'event_rests.of_events',
  `select event_id as "eventId", rows -> $3 as rows from event_rests where org_id = $1 and event_id = any($2::uuid[]) and rows -> $3 is not null`
)

export async function ofEvents(
  reader: Reader,
  { eventIds, list }: Readonly<{ eventIds: readonly string[]; list: string }>
): Promise<ReadonlyMap<string, readonly JsonValue[]>> {
  const found = await reader.run(selectRests, [reader.orgId, eventIds, list])
  return new Map(found.map(({ eventId, rows }) => [eventId, rows]))
}
