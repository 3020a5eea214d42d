import { Column, getTableName, is, Param, Placeholder, type SQLWrapper } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { PgDialect } from 'drizzle-orm/pg-core'
import { assert } from '../kernel/assert.ts'
import { type Encode, type Form, type Given, isSet, type Parameters, placesOf, type Slots, type Values } from './parameters.ts'
import { register, type Statement } from './statement.ts'

const casing = 'snake_case'

/** Builds queries and never runs one. */
export const build = drizzle.mock({ casing })
export const dialect = new PgDialect({ casing })

type Made = SQLWrapper & Readonly<{ prepare?: unknown }>
type RowOf<M> = M extends PromiseLike<readonly (infer Row extends object)[]> ? Row : never

/** A query with the types of what it takes and gives. Its text is made when it first runs, and sent by name from then on. */
export type Query<Takes extends object, Row extends object> = Readonly<{
  takes?: Takes
  /** Of a query that takes lists: the form for lists of one, and the form for others. */
  forms: readonly Compiled<Row>[]
  formFor: (given: Given) => Compiled<Row>
}>

/**
 * @param parameters by name. `orgId` is there besides: the transaction's.
 * @param make builds it from `build`, the tables and the places of the parameters. A value that it states itself, as 'open', becomes
 * a part of the text, so that it is planned for.
 * @throws Error when the name is taken: two texts behind one name would run each other's plan.
 */
export function query<const P extends Parameters, M extends Made>(
  name: string,
  parameters: P,
  make: (slots: Slots<P>) => M
): Query<Values<P>, RowOf<M>> {
  const sets = Object.keys(parameters).filter((key) => isSet(parameters[key]))
  const formOf = (form: Form, suffix: string) => {
    const { slots, encoders } = placesOf(parameters, form)
    return register(new Compiled<RowOf<M>>(name + suffix, { make: () => make(slots as Slots<P>), encoders }))
  }
  const ofMany = formOf('many', '')
  if (sets.length === 0) return { forms: [ofMany], formFor: () => ofMany }
  // A list is planned anew each time that it is read by, and to unpack a dozen arrays takes longer than to write their one row.
  const ofOne = formOf('one', '_one')
  const isOne = (given: Given) => sets.every((key) => (given[key] as readonly unknown[]).length === 1)
  return { forms: [ofOne, ofMany], formFor: (given) => (isOne(given) ? ofOne : ofMany) }
}

type Decode = (cells: readonly unknown[]) => object
type Text = Readonly<{ text: string; encoders: readonly Encode[]; decode: Decode | undefined }>
type Source = Readonly<{ make: () => Made; encoders: ReadonlyMap<string, Encode> }>

/** One text of a query, made when it is first asked for: a start does not wait for those of all. */
export class Compiled<Row extends object> implements Statement<Row> {
  readonly name: string
  readonly #source: Source
  #text: Text | undefined

  constructor(name: string, source: Source) {
    this.name = name
    this.#source = source
  }

  get text(): string {
    return this.#compiled().text
  }

  /** Makes a row of its cells; undefined where the query gives none. */
  get decode(): ((cells: readonly unknown[]) => Row) | undefined {
    return this.#compiled().decode as ((cells: readonly unknown[]) => Row) | undefined
  }

  valuesOf(given: Given): unknown[] {
    return this.#compiled().encoders.map((encode) => encode(given))
  }

  #compiled(): Text {
    this.#text ??= compile(this.name, this.#source)
    return this.#text
  }
}

function compile(name: string, { make, encoders }: Source): Text {
  const made = make()
  const { sql: template, params } = dialect.sqlToQuery(made.getSQL())
  const places: string[] = []
  const text = template.replaceAll(/\$(\d+)/g, (_, position: string) => {
    const value = params[Number(position) - 1]
    const place = is(value, Param) ? value.value : value
    if (!is(place, Placeholder)) return literal(place)
    if (!places.includes(place.name)) places.push(place.name)
    return `$${places.indexOf(place.name) + 1}`
  })
  return { text, encoders: places.map((place) => encoders.get(place) ?? raw(place)), decode: decoderOf(name, made) }
}

const raw = (place: string) => (given: Given) => given[place]

function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  assert(value === null || ['number', 'bigint', 'boolean'].includes(typeof value), 'a query states text, numbers, truth and null')
  return String(value)
}

/** What is used here of the inside of Drizzle, whose version is pinned: which field is where in a row, and which join may find none. */
type Prepared = Readonly<{
  fields?: readonly Readonly<{ path: readonly string[]; field: unknown }>[]
  joinsNotNullableMap?: Readonly<Record<string, boolean>>
}>

function decoderOf(name: string, made: Made): Decode | undefined {
  if (typeof made.prepare !== 'function') return undefined
  const { fields, joinsNotNullableMap = {} } = made.prepare(name) as Prepared
  if (fields === undefined) return undefined
  const cells = fields.map(({ path, field }) => ({ path, decode: decodeOf(field) }))
  const optional = fields.flatMap(({ path: [part = '', ...inside], field }) =>
    inside.length > 0 && is(field, Column) && joinsNotNullableMap[getTableName(field.table)] === false ? [part] : []
  )
  return (values) => {
    const row: Record<string, Record<string, unknown> | unknown> = {}
    for (const [index, { path, decode }] of cells.entries()) {
      const value = values[index] ?? null
      const decoded = value === null ? null : decode(value)
      const [part = '', key] = path
      if (key === undefined) row[part] = decoded
      else row[part] = Object.assign((row[part] as object | undefined) ?? {}, { [key]: decoded })
    }
    for (const part of new Set(optional))
      if (Object.values(row[part] as object).every((value) => value === null)) row[part] = null
    return row
  }
}

type Decoder = Readonly<{ mapFromDriverValue: (value: unknown) => unknown }>

function decodeOf(field: unknown): (value: unknown) => unknown {
  if (is(field, Column)) return (value) => field.mapFromDriverValue(value)
  const { sql: aliased, decoder = (aliased as { decoder: Decoder }).decoder } = field as { sql?: unknown; decoder?: Decoder }
  return (value) => decoder.mapFromDriverValue(value)
}

/** What a transaction runs. */
export type Asked<Row extends object> = Statement<Row> | Query<object, Row>

export type Run = {
  <Row extends object>(statement: Statement<Row>, parameters: readonly unknown[]): Promise<Row[]>
  <Takes extends object, Row extends object>(query: Query<Takes, Row>, given: NoInfer<Takes>): Promise<Row[]>
}

export type Write = {
  <Row extends object>(statement: Statement<Row>, parameters: readonly unknown[], read?: (rows: readonly Row[]) => void): void
  <Takes extends object, Row extends object>(
    query: Query<Takes, Row>,
    given: NoInfer<Takes>,
    read?: (rows: readonly Row[]) => void
  ): void
}

/** The text of a query that these parameters go by, and their values in its order. */
export function formOf<Row extends object>(
  asked: Statement<Row> | Query<object, Row>,
  { given, orgId }: { given: object; orgId: string }
) {
  if (!('forms' in asked)) return { statement: asked, parameters: given as readonly unknown[] }
  const all = { ...given, orgId }
  const statement = asked.formFor(all)
  return { statement, parameters: statement.valuesOf(all) }
}
