import { isDeepStrictEqual } from 'node:util'

/**
 * The former values of the fields that changed, for an event's `previous`. The version and the time of the change always differ and
 * are left out. The order of keys does not count.
 */
export function previousOf<Document extends object>(before: Document, after: Document): Partial<Document> {
  const changed = Object.entries(before).filter(
    ([key, value]) => key !== 'version' && key !== 'updated_at' && !isDeepStrictEqual(value, after[key as keyof Document])
  )
  return Object.fromEntries(changed) as Partial<Document>
}
