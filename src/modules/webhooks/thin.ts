type Whole = Readonly<{
  /** Absent from bodies that a former release wrote. */
  id?: string
  type: string
  timestamp: string
  data: Readonly<{ organization_id: string; object: Readonly<{ id: string; version?: number }> }>
}>

/**
 * What an event is about and nothing more, for endpoints that must not see amounts and names: GET /v1/events/{webhook-id} has the
 * rest. Made from the stored body, and the same each time, so that every attempt sends the same bytes.
 */
export function thinBodyOf(body: string): string {
  const { id: eventId, type, timestamp, data } = JSON.parse(body) as Whole
  const { id, version } = data.object
  return JSON.stringify({
    id: eventId,
    type,
    timestamp,
    data: { organization_id: data.organization_id, object: { id, version } }
  })
}
