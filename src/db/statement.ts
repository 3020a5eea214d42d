/**
 * A prepared statement, sent by name on the connection of a transaction: the server parses and plans it once per
 * connection. For hot paths and set-wise writes, where building the query each time would cost more than running it.
 */
export type Statement<Row extends object> = Readonly<{ name: string; text: string; row?: Row }>

const names = new Set<string>()

/** @throws Error when a name is taken: two texts behind one name would run each other's plan. */
export function statement<Row extends object>(name: string, text: string): Statement<Row> {
  if (names.has(name)) throw new Error(`The statement name ${name} is taken.`)
  names.add(name)
  return { name, text }
}
