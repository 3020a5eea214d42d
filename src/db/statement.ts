/**
 * A prepared statement, sent by name on the connection of a transaction: the server parses and plans it once per
 * connection. For hot paths and set-wise writes, where building the query each time would cost more than running it.
 */
export type Statement<Row extends object> = Readonly<{
  name: string
  text: string
  row?: Row
  /** Makes a row of its cells; without it, a row is an object of what the server calls its columns. */
  decode?: ((cells: readonly unknown[]) => Row) | undefined
}>

const known = new Map<string, Statement<object>>()

/** @throws Error when a name is taken: two texts behind one name would run each other's plan. */
export function statement<Row extends object>(name: string, text: string): Statement<Row> {
  return register({ name, text })
}

/** @throws Error when its name is taken */
export function register<One extends Statement<object>>(one: One): One {
  if (known.has(one.name)) throw new Error(`The statement name ${one.name} is taken.`)
  known.set(one.name, one)
  return one
}

/** All that were made so far, by the files that were loaded: so that each can be held against the schema. */
export const statements = (): readonly Statement<object>[] => [...known.values()]

/** A read by a list of ids, in the form for one and in the form for more: a list is planned anew each time that it is read by. */
export type IdsStatement<Row extends object> = Readonly<{ ofOne: Statement<Row>; ofMany: Statement<Row> }>

/** @param text asks for `= any($2::uuid[])`, as often as it likes. */
export function idsStatement<Row extends object>(name: string, text: string): IdsStatement<Row> {
  return { ofOne: statement(`${name}_one`, text.replaceAll('= any($2::uuid[])', '= $2::uuid')), ofMany: statement(name, text) }
}

/** The statement and its second parameter. */
export function forIds<Row extends object>(
  { ofOne, ofMany }: IdsStatement<Row>,
  ids: readonly string[]
): readonly [Statement<Row>, unknown] {
  return ids.length === 1 ? [ofOne, ids[0]] : [ofMany, ids]
}
