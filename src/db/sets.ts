import { assert } from '../kernel/assert.ts'
import { columnsOf, type Elements } from './arrays.ts'
import { type Statement, statement } from './statement.ts'

/** A write of rows that are given as columns, in the form for one row and in the form for more. */
export type SetStatement<Row extends object> = Readonly<{ ofOne: Statement<Row>; ofMany: Statement<Row> }>

/** Makes a parameter of one column: `of('uuid', (row) => row.id)`. */
export type ColumnOf<Row> = <Type extends keyof Elements>(type: Type, pick: (row: Row) => Elements[Type] | null) => unknown

const UNNESTED = /unnest\(([^()]+)\)/g

/**
 * @param text takes its rows from an `unnest` of parameters, or several sets of them from one each. One row alone goes as plain
 * values: to unpack a dozen arrays takes PostgreSQL longer than to write the row.
 */
export function setStatement<Row extends object = { id: string }>(name: string, text: string): SetStatement<Row> {
  const ofOne = text.replace(UNNESTED, (_, columns: string) => `(values (${columns.replaceAll('[]', '')}))`)
  assert(ofOne !== text, `The statement ${name} takes no rows.`)
  return { ofOne: statement(`${name}_one`, ofOne), ofMany: statement(name, text) }
}

/** The form for these sets, which is that of one row where each of them has one, and what makes their columns. */
export function setsOf<Answer extends object>(
  { ofOne, ofMany }: SetStatement<Answer>,
  sets: readonly (readonly unknown[])[]
): Readonly<{ statement: Statement<Answer>; columnsOf: <Row>(rows: readonly Row[]) => ColumnOf<Row> }> {
  if (sets.some(({ length }) => length !== 1)) return { statement: ofMany, columnsOf }
  return { statement: ofOne, columnsOf: (rows) => (_type, pick) => rows.map(pick)[0] }
}

/** The same for a statement of one set. */
export function setOf<Row, Answer extends object>(
  write: SetStatement<Answer>,
  rows: readonly Row[]
): Readonly<{ statement: Statement<Answer>; of: ColumnOf<Row> }> {
  const sets = setsOf(write, [rows])
  return { statement: sets.statement, of: sets.columnsOf(rows) }
}
