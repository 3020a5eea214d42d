/**
 * The former values of the fields that changed, for an event's `previous`. The version and the time of the change differ
 * always and say nothing. Both documents must write what is equal in the same way, down to the order of keys.
 */
export function previousOf<Document extends object>(before: Document, after: Document): Partial<Document> {
  const changed = Object.entries(before).filter(
    ([key, value]) =>
      key !== 'version' && key !== 'updated_at' && JSON.stringify(value) !== JSON.stringify(after[key as keyof Document])
  )
  return Object.fromEntries(changed) as Partial<Document>
}
