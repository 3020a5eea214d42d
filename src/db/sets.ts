import { assert } from '../kernel/assert.ts'
import { columnsOf, type Elements } from './arrays.ts'
import { type Statement, statement } from './statement.ts'

/** A write of rows that are given as columns, in the form for one row and in the form for more. */
export type SetStatement<Row extends object> = Readonly<{ ofOne: Statement<Row>; ofMany: Statement<Row> }>

/** Makes a parameter of one column: `of('uuid', (row) => row.id)`. */
export type ColumnOf<Row> = <Type extends keyof Elements>(type: Type, pick: (row: Row) => Elements[Type] | null) => unknown

const UNNESTED = /unnest\(([^()]+)\)/

/**
 * @param text takes its rows from an `unnest` of parameters. One row alone goes as plain values: to unpack a dozen arrays takes
 * PostgreSQL longer than to write the row.
 */
export function setStatement<Row extends object = { id: string }>(name: string, text: string): SetStatement<Row> {
  const ofOne = text.replace(UNNESTED, (_, columns: string) => `(values (${columns.replaceAll('[]', '')}))`)
  assert(ofOne !== text, `The statement ${name} takes no rows.`)
  return { ofOne: statement(`${name}_one`, ofOne), ofMany: statement(name, text) }
}

/** The form for these rows, and what makes its columns of them. */
export function setOf<Row, Answer extends object>(
  { ofOne, ofMany }: SetStatement<Answer>,
  rows: readonly Row[]
): Readonly<{ statement: Statement<Answer>; of: ColumnOf<Row> }> {
  const [only] = rows
  if (only === undefined || rows.length > 1) return { statement: ofMany, of: columnsOf(rows) }
  return { statement: ofOne, of: (_type, pick) => pick(only) }
}
