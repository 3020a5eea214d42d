import { DomainError } from '../../kernel/errors.ts'

export type ReferenceKind = 'client' | 'invoice' | 'payment'

/** What another system calls an object of ours: the system's name, and the id that it uses. */
export type ExternalRef = Readonly<{ source: string; id: string }>

/**
 * Compares by code units, so that every place shows the references of an object in the same order. Copies them, because a parsed query
 * has no prototype, and a deep comparison would find it unequal to the reference that was stored.
 */
export function inOrder(refs: readonly ExternalRef[]): ExternalRef[] {
  const plain = refs.map(({ source, id }) => ({ source, id }))
  return plain.sort((a, b) => compare(a.source, b.source) || compare(a.id, b.id))
}

/** Orders objects by the first of their references; those without one come last. */
export function byFirstRef(a: ExternalRef | null, b: ExternalRef | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return compare(a.source, b.source) || compare(a.id, b.id)
}

export function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** @throws DomainError `invalid_request`, pointing at `/external_refs/N`, where a list names the same reference twice. */
export function refuseRepeated(refs: readonly ExternalRef[]): void {
  const seen = new Set<string>()
  for (const [index, { source, id }] of refs.entries()) {
    const key = JSON.stringify([source, id])
    if (seen.has(key)) {
      throw new DomainError('invalid_request', 'This reference is in the list already.', { pointer: `/external_refs/${index}` })
    }
    seen.add(key)
  }
}

/**
 * SQL: the references of a row as a JSON array of `{source, id}`, in the statement that reads the row.
 * @param idColumn the row's id with its alias, such as `c.id`; its `org_id` is taken from the same alias.
 */
export function externalRefsOf(idColumn: `${string}.id`): string {
  const alias = idColumn.slice(0, -'.id'.length)
  return `coalesce((select json_agg(json_build_object('source', x.source, 'id', x.external_id) order by x.source collate "C", x.external_id collate "C")
    from external_refs x where x.org_id = ${alias}.org_id and x.object_id = ${idColumn}), '[]'::json)`
}

/**
 * SQL: the first reference of a row, to order by with `nulls last`: rows that are alike in all that is stated of them are told apart by what
 * their sources call them, not by which came first.
 * @param idColumn as for `externalRefsOf`.
 */
export function firstRefOf(idColumn: `${string}.${string}`): string {
  const alias = idColumn.slice(0, idColumn.indexOf('.'))
  return `(select array[x.source, x.external_id] collate "C" from external_refs x where x.org_id = ${alias}.org_id and x.object_id = ${idColumn}
    order by x.source collate "C", x.external_id collate "C" limit 1)`
}
