type Actions = (() => Promise<void>)[]
/** What is asked for during a transaction, to be done before its commit; `last` is done when nothing else is left. */
export type Before = Readonly<{ first: Actions; last: Actions }>

export const nothingAsked = (): Before => ({ first: [], last: [] })

export async function runFirst({ first }: Before): Promise<void> {
  for (let action = first.shift(); action !== undefined; action = first.shift()) await action()
}

export async function runAll({ first, last }: Before): Promise<void> {
  const next = () => first.shift() ?? last.shift()
  for (let action = next(); action !== undefined; action = next()) await action()
}
