import { type GetColumnData, type Placeholder, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { column as arrayOf, type Elements } from './arrays.ts'

// A column lends a parameter its type, here and there.
export type Columns = Readonly<Record<string, PgColumn>>
type Scalar<T = unknown> = Readonly<{ kind: 'scalar'; column: PgColumn; value?: T }>
type List<T = unknown> = Readonly<{ kind: 'list'; column: PgColumn; value?: T }>
type Rows<C extends Columns = Columns> = Readonly<{ kind: 'rows'; columns: C }>
type Count = Readonly<{ kind: 'count' }>
type Parameter = PgColumn | Scalar | List | Rows | Count
export type Parameters = Readonly<Record<string, Parameter>>

type Data<C extends PgColumn> = GetColumnData<C, 'query'>
type Value<P extends Parameter> = P extends PgColumn
  ? Data<P>
  : P extends Rows<infer C>
    ? readonly { readonly [Key in keyof C]: Data<C[Key]> }[]
    : P extends List<infer T>
      ? readonly T[]
      : P extends Scalar<infer T>
        ? T
        : number

/** A parameter of a column's type that may also be null, as a filter that is not asked for. */
export const orNull = <C extends PgColumn>(column: C): Scalar<Data<C> | null> => ({ kind: 'scalar', column })
/** Several values of a column's type. */
export const listOf = <C extends PgColumn>(column: C): List<NonNullable<Data<C>>> => ({ kind: 'list', column })
/** Rows of such columns, for a write of a whole set. */
export const rowsOf = <C extends Columns>(columns: C): Rows<C> => ({ kind: 'rows', columns })
/** A number of rows. */
export const count: Count = { kind: 'count' }

/** A condition that holds where its parameter is null. */
export const ifGiven = (parameter: SQL, condition: SQL | undefined): SQL => sql`(${parameter} is null or ${condition})`

type ListSlot = Readonly<{ has: (column: SQLWrapper) => SQL<boolean>; source: SQL }>
type RowsSlot<C extends Columns> = Readonly<{ columns: { readonly [Key in keyof C]: SQL<Data<C[Key]>> }; source: SQL }>
type Slot<P extends Parameter> = P extends PgColumn
  ? SQL<Data<P>>
  : P extends Rows<infer C>
    ? RowsSlot<C>
    : P extends List
      ? ListSlot
      : P extends Scalar<infer T>
        ? SQL<T>
        : Placeholder
export type Slots<P extends Parameters> = { readonly [Key in keyof P]: Slot<P[Key]> } & Readonly<{ orgId: SQL<string> }>

/** What the parameters are in one run. */
export type Values<P extends Parameters> = { readonly [Key in keyof P]: Value<P[Key]> }
/** What was given for one run, by name. */
export type Given = Readonly<Record<string, unknown>>
export type Encode = (given: Given) => unknown

/** Of a query that takes lists: for lists of one, or for others. */
export type Form = 'one' | 'many'

export const isSet = (parameter: Parameter | undefined): boolean =>
  parameter !== undefined && 'kind' in parameter && (parameter.kind === 'list' || parameter.kind === 'rows')

/** The places of parameters in a text, and how what is given becomes what is sent. */
export function placesOf(parameters: Parameters, form: Form) {
  const encoders = new Map<string, Encode>()
  const place: Place = (name, column, pick) => {
    encoders.set(name, scalar(column, pick))
    return sql`${sql.placeholder(name)}::${sql.raw(typeOf(column))}`
  }
  const columnOf: PlaceOfMany = (name, column, pick) => {
    if (form === 'one') return place(name, column, (given) => pick(given)[0])
    encoders.set(name, (given) => arrayFor(column, pick(given)))
    return sql`${sql.placeholder(name)}::${sql.raw(typeOf(column))}[]`
  }
  const slots: Record<string, unknown> = { orgId: sql`${sql.placeholder('orgId')}::uuid` }
  for (const [key, parameter] of Object.entries(parameters)) {
    if (!('kind' in parameter)) slots[key] = place(key, parameter, (given) => given[key])
    else if (parameter.kind === 'scalar') slots[key] = place(key, parameter.column, (given) => given[key])
    else if (parameter.kind === 'count') slots[key] = sql.placeholder(key)
    else if (parameter.kind === 'list') slots[key] = listSlot(key, { of: parameter.column, form, columnOf })
    else slots[key] = rowsSlot(key, { of: parameter.columns, form, columnOf })
  }
  return { slots, encoders }
}

type Place = (name: string, column: PgColumn, pick: Encode) => SQL
type PlaceOfMany = (name: string, column: PgColumn, pick: (given: Given) => readonly unknown[]) => SQL
type Sets<Of> = Readonly<{ of: Of; form: Form; columnOf: PlaceOfMany }>

function listSlot(key: string, { of, form, columnOf }: Sets<PgColumn>): ListSlot {
  const values = columnOf(key, of, (given) => given[key] as readonly unknown[])
  if (form === 'one') return { has: (column) => sql`${column} = ${values}`, source: sql`array[${values}]` }
  return { has: (column) => sql`${column} = any(${values})`, source: values }
}

function rowsSlot(key: string, { of, form, columnOf }: Sets<Columns>): RowsSlot<Columns> {
  const names = Object.keys(of)
  const valuesOf = (name: string) => (given: Given) => (given[key] as readonly Given[]).map((row) => row[name])
  const listed = Object.entries(of).map(([name, column]) => columnOf(`${key}.${name}`, column, valuesOf(name)))
  const values = sql.join(listed, sql.raw(', '))
  const identifiers = names.map((name) => sql.identifier(name))
  const source = form === 'one' ? sql`(values (${values}))` : sql`unnest(${values})`
  return {
    source: sql`${source} as ${sql.identifier(key)}(${sql.join(identifiers, sql.raw(', '))})`,
    columns: Object.fromEntries(names.map((name) => [name, sql`${sql.identifier(key)}.${sql.identifier(name)}`]))
  }
}

/** The type of a column as one writes it, and as a whole column of it travels. */
const typeOf = (column: PgColumn): string => column.getSQLType().replace(/^timestamp.*$/, 'timestamptz')
const elementOf: Readonly<Record<string, keyof Elements>> = {
  uuid: 'uuid',
  text: 'text',
  integer: 'int4',
  bigint: 'int8',
  boolean: 'bool',
  date: 'date',
  timestamptz: 'timestamptz',
  'double precision': 'float8',
  bytea: 'bytea'
}

function scalar(column: PgColumn, pick: Encode): Encode {
  // The driver writes instants and big integers by itself.
  if (!typeOf(column).startsWith('json')) return pick
  return (given) => {
    const value = pick(given)
    return value === null || value === undefined ? null : column.mapToDriverValue(value)
  }
}

function arrayFor(column: PgColumn, values: readonly unknown[]): unknown {
  const element = elementOf[typeOf(column)]
  if (element !== undefined) return arrayOf(element, values as never[])
  return values.map((value) => (value === null ? null : column.mapToDriverValue(value)))
}
