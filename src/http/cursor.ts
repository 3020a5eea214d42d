import { ParameterRefusal } from './fields.ts'
import { isWritableInstant } from './validation.ts'

/** Where a page ended: the sort key's instant and the id that breaks its ties. Opaque to callers, and bound to its list by `registerCursors`. */
export type Cursor = Readonly<{ at: Date; id: string }>

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify([cursor.at.getTime(), cursor.id])).toString('base64url')
}

/** @throws DomainError `invalid_cursor` for anything that no page of ours gave out. */
export function decodeCursor(text: string | undefined): Cursor | null {
  if (text === undefined) return null
  const { key: at, id } = decoded(text)
  if (!Number.isSafeInteger(at) || !isWritableInstant(at as number)) throw foreignCursor()
  return { at: new Date(at as number), id }
}

/** Of a list that is sorted by a number, such as an amount in minor units. */
export type RankCursor = Readonly<{ rank: bigint; id: string }>

export function encodeRankCursor({ rank, id }: RankCursor): string {
  return Buffer.from(JSON.stringify([String(rank), id])).toString('base64url')
}

/** @throws DomainError `invalid_cursor`. */
export function decodeRankCursor(text: string | undefined): RankCursor | null {
  if (text === undefined) return null
  const { key: rank, id } = decoded(text)
  if (typeof rank !== 'string' || !/^\d{1,18}$/.test(rank)) throw foreignCursor()
  return { rank: BigInt(rank), id }
}

function decoded(text: string): { key: unknown; id: string } {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (Array.isArray(parsed)) {
      const [key, id] = parsed as unknown[]
      if (typeof id === 'string' && UUID.test(id)) return { key, id }
    }
  } catch {
    // Falls through to the refusal: what does not parse is not a cursor.
  }
  throw foreignCursor()
}

export function foreignCursor(): ParameterRefusal {
  return new ParameterRefusal(
    'invalid_cursor',
    'No page of this list with these filters and this sort gave this cursor. Start again without `cursor`.',
    { pointer: '/cursor' }
  )
}

/** Cuts a page from `limit + 1` rows. No totals: a count is a separate, honest, slow question. */
export function toPage<Row, Out>(
  rows: readonly Row[],
  how: { limit: number; cursorOf: (row: Row) => string; toApi: (row: Row) => Out }
) {
  const shown = rows.slice(0, how.limit)
  const last = shown.at(-1)
  return {
    data: shown.map(how.toApi),
    next_cursor: rows.length > how.limit && last !== undefined ? how.cursorOf(last) : null
  }
}
