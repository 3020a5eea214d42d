import pg from 'pg'
import type { Statement } from './statement.ts'

/** `command` is the tag that the server ended the statement with, such as `COMMIT`. */
export type Answer<Row> = Readonly<{ rows: Row[]; command: string }>

type Columns = readonly Readonly<{ name: string; parse: (text: string) => unknown }>[]

type Sent = {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
  readonly decode: ((cells: readonly unknown[]) => object) | undefined
  readonly resolve: (answer: Answer<never>) => void
  readonly reject: (error: unknown) => void
  readonly rows: object[]
  isNew: boolean
  columns: Columns | undefined
  failure: unknown
}

/** What is used here of pg's connection. It writes each message of the protocol, and its types know only some of them. */
type Connection = Readonly<{
  stream: Readonly<{ writable: boolean; write: (bytes: Buffer) => boolean }>
  close: (message: { type: 'S'; name: string }) => void
  parse: (message: { name: string; text: string }) => void
  bind: (message: { statement: string; values: readonly unknown[] }) => void
  describe: (message: { type: 'P'; name: string }) => void
  execute: (message: { portal: string }) => void
  sync: () => void
}>

type Inside = { _result: { _types: { getTypeParser: (oid: number, format: string) => (text: string) => unknown } } }

/** pg hands a connection's messages to a Query, so a packet is one; of pg's own it takes nothing but the parsers of types. */
const Query = pg.Query as unknown as new (text: string) => Inside
const { prepareValue } = (pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } }).utils

/** An instant in UTC; pg writes it in local time with its offset, which takes it longer. */
const parameterOf = (value: unknown) => (value instanceof Date ? value.toISOString() : prepareValue(value))

/** The prepared statements of each connection, with their columns once those were described: they stay what they are. */
const prepared = new WeakMap<Connection, Map<string, Columns | undefined>>()

/**
 * Prepared statements that travel together and are answered together: one system call to send, one to answer, one to read. pg asks
 * for an answer after each statement, and for its columns each time. After a statement that fails, the server passes over the
 * rest, which fails with the same error. Uses the inside of pg, whose version is pinned; `packet.test.ts` holds on to what is used.
 */
export class Packet extends Query {
  readonly #sent: Sent[] = []
  #next = 0
  #known = new Map<string, Columns | undefined>()

  constructor() {
    super('')
  }

  add<Row extends object>({ name, text, decode }: Statement<Row>, values: readonly unknown[]): Promise<Answer<Row>> {
    return new Promise((resolve, reject) => {
      const parameters = values.map(parameterOf)
      this.#sent.push({
        name,
        text,
        values: parameters,
        decode,
        resolve,
        reject,
        rows: [],
        isNew: false,
        columns: undefined,
        failure: undefined
      })
    })
  }

  /** Called by pg when everything before it is on its way. */
  submit(sender: pg.Connection): void {
    const connection = sender as unknown as Connection
    this.#known = prepared.get(connection) ?? new Map()
    prepared.set(connection, this.#known)
    // Gathered into one: what is written to a socket in fifty pieces is kept account of fifty times, on its way to one system call.
    const messages: Buffer[] = []
    const stream = { writable: true, write: (message: Buffer) => messages.push(message) }
    const gathering = Object.create(connection, { stream: { value: stream } }) as Connection
    for (const sent of this.#sent) this.#send(sent, gathering)
    gathering.sync()
    if (connection.stream.writable) connection.stream.write(Buffer.concat(messages))
  }

  #send(sent: Sent, connection: Connection): void {
    const { name, text, values } = sent
    if (!this.#known.has(name)) {
      // Whether it got as far as being prepared before a former packet failed is not known; to close what is not there is no error.
      connection.close({ type: 'S', name })
      connection.parse({ name, text })
      sent.isNew = true
      this.#known.set(name, undefined)
    }
    connection.bind({ statement: name, values })
    sent.columns = this.#known.get(name)
    if (sent.columns === undefined) connection.describe({ type: 'P', name: '' })
    connection.execute({ portal: '' })
  }

  handleRowDescription({ fields }: { fields: readonly { name: string; dataTypeID: number; format: string }[] }): void {
    const sent = this.#current()
    const types = this._result._types
    sent.columns = fields.map(({ name, dataTypeID, format }) => ({ name, parse: types.getTypeParser(dataTypeID, format) }))
    this.#known.set(sent.name, sent.columns)
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const sent = this.#current()
    try {
      sent.rows.push(rowOf(sent, fields))
    } catch (error) {
      sent.failure ??= error
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const { name, rows, columns, failure, resolve, reject } = this.#current()
    this.#next += 1
    if (columns === undefined) this.#known.set(name, [])
    if (failure !== undefined) reject(failure)
    else resolve({ rows: rows as never[], command: text })
  }

  handleError(error: unknown): void {
    const failed = this.#sent.slice(this.#next)
    this.#next = this.#sent.length
    for (const { name, isNew } of failed) if (isNew) this.#known.delete(name)
    for (const { reject } of failed) reject(error)
  }

  /** The answer is at its end. Every statement has its own by now. */
  handleReadyForQuery(): void {}

  #current(): Sent {
    const sent = this.#sent[this.#next]
    if (sent === undefined) throw new Error('The server answered more than it was asked.')
    return sent
  }
}

function rowOf({ columns = [], decode }: Sent, fields: readonly (string | null)[]): object {
  const cellOf = (text: string | null | undefined, at: number) => (text == null ? null : columns[at]?.parse(text))
  if (decode !== undefined) return decode(fields.map(cellOf))
  const row: Record<string, unknown> = {}
  let index = 0
  for (const { name } of columns) {
    row[name] = cellOf(fields[index], index)
    index++
  }
  return row
}

type Waiting = { readonly packet: Packet; isDue: boolean }

const waiting = new WeakMap<pg.Client, Waiting>()

/** Sends a statement with whatever else is sent on this connection before the event loop turns, and with what waits for it. */
export function send<Row extends object>(
  client: pg.Client,
  statement: Statement<Row>,
  parameters: readonly unknown[]
): Promise<Answer<Row>> {
  const next = nextOf(client)
  if (!next.isDue) {
    next.isDue = true
    process.nextTick(flush, client)
  }
  return next.packet.add(statement, parameters)
}

/** Has a statement wait for the next one that is sent, and go before it. */
export function sendWithNext<Row extends object>(
  client: pg.Client,
  statement: Statement<Row>,
  parameters: readonly unknown[]
): Promise<Answer<Row>> {
  return nextOf(client).packet.add(statement, parameters)
}

/** Puts on its way what waits, before something else that must come after it. */
export function flush(client: pg.Client): void {
  const next = waiting.get(client)
  if (next === undefined) return
  waiting.delete(client)
  client.query(next.packet)
}

/** What waits is not sent. */
export function forget(client: pg.Client): void {
  waiting.get(client)?.packet.handleError(new Error('This was not sent: its transaction ended before.'))
  waiting.delete(client)
}

function nextOf(client: pg.Client): Waiting {
  const known = waiting.get(client)
  if (known !== undefined) return known
  const next = { packet: new Packet(), isDue: false }
  waiting.set(client, next)
  return next
}
