import { type Day, epochDayOf } from '../kernel/day.ts'

/** What one element of a column is here, by the name of its type there. */
export type Elements = {
  uuid: string
  text: string
  int4: number
  int8: bigint
  bool: boolean
  date: Day
  timestamptz: Date
  float8: number
  bytea: Buffer
}

type Writer<T> = Readonly<{ oid: number; sizeOf: (value: T) => number; write: (value: T, to: Buffer, at: number) => void }>

const EPOCH_DAY_2000 = 10_957
const EPOCH_MS_2000 = 946_684_800_000

const writers: { readonly [Type in keyof Elements]: Writer<Elements[Type]> } = {
  uuid: { oid: 2950, sizeOf: () => 16, write: (value, to, at) => void to.write(value.replaceAll('-', ''), at, 16, 'hex') },
  text: { oid: 25, sizeOf: (value) => Buffer.byteLength(value), write: (value, to, at) => void to.write(value, at) },
  int4: { oid: 23, sizeOf: () => 4, write: (value, to, at) => void to.writeInt32BE(value, at) },
  int8: { oid: 20, sizeOf: () => 8, write: (value, to, at) => void to.writeBigInt64BE(value, at) },
  bool: { oid: 16, sizeOf: () => 1, write: (value, to, at) => void to.writeUInt8(value ? 1 : 0, at) },
  date: { oid: 1082, sizeOf: () => 4, write: (value, to, at) => void to.writeInt32BE(epochDayOf(value) - EPOCH_DAY_2000, at) },
  timestamptz: {
    oid: 1184,
    sizeOf: () => 8,
    write: (value, to, at) => void to.writeBigInt64BE(BigInt(value.getTime() - EPOCH_MS_2000) * 1000n, at)
  },
  float8: { oid: 701, sizeOf: () => 8, write: (value, to, at) => void to.writeDoubleBE(value, at) },
  bytea: { oid: 17, sizeOf: (value) => value.length, write: (value, to, at) => void value.copy(to, at) }
}

/** The columns of rows, one after the other: `of('uuid', (row) => row.id)`. */
export function columnsOf<Row>(rows: readonly Row[]) {
  return <Type extends keyof Elements>(type: Type, pick: (row: Row) => Elements[Type] | null): Buffer =>
    column(type, rows.map(pick))
}

const DIMENSIONLESS_BYTES = 12
const HEADER_BYTES = 20
const NULL_LENGTH = -1

/**
 * A whole column as one parameter of a set-wise write, in PostgreSQL's binary form of an array (array_send in its sources):
 * dimensions, whether there are nulls, the element's type, length, first index, then each element with its length. As text,
 * every quote of every event would be escaped here and unescaped there, which takes longer than the write itself.
 */
export function column<Type extends keyof Elements>(type: Type, values: readonly (Elements[Type] | null)[]): Buffer {
  const { oid, sizeOf, write } = writers[type]
  const sizes = values.map((value) => (value === null ? NULL_LENGTH : sizeOf(value)))
  if (values.length === 0) return header(Buffer.alloc(DIMENSIONLESS_BYTES), { dimensions: 0, hasNulls: false, oid })
  const bytes = sizes.reduce((sum, size) => sum + 4 + Math.max(0, size), HEADER_BYTES)
  const array = header(Buffer.allocUnsafe(bytes), { dimensions: 1, hasNulls: sizes.includes(NULL_LENGTH), oid })
  array.writeInt32BE(values.length, 12)
  array.writeInt32BE(1, 16)
  let at = HEADER_BYTES
  for (const [index, value] of values.entries()) {
    const size = sizes[index] ?? NULL_LENGTH
    array.writeInt32BE(size, at)
    at += 4
    if (value === null) continue
    write(value, array, at)
    at += size
  }
  return array
}

/** How many values a column holds; 0 of other bytes. */
export function lengthOf(column: Buffer): number {
  return column.length >= HEADER_BYTES && column.readInt32BE(0) === 1 ? column.readInt32BE(12) : 0
}

function header(array: Buffer, { dimensions, hasNulls, oid }: { dimensions: number; hasNulls: boolean; oid: number }): Buffer {
  array.writeInt32BE(dimensions, 0)
  array.writeInt32BE(hasNulls ? 1 : 0, 4)
  array.writeInt32BE(oid, 8)
  return array
}
