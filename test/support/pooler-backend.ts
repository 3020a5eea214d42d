import type { Socket } from 'node:net'
import pg from 'pg'
import { type Message, message, type Outgoing, reader } from './pooler-messages.ts'

/** A connection of a pooler to its server. */
export type Backend = Readonly<{
  has: (name: string) => boolean
  /** Sends, and passes on what is answered. @returns whether no transaction is open after it. */
  run: (outgoing: Outgoing, pass: (bytes: Buffer) => void) => Promise<boolean>
  /** What belongs to a session and was left there. */
  leftovers: () => Promise<string[]>
  end: () => Promise<void>
}>

const selectLeftovers = `
  select 'lock ' || classid || '/' || objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
  union all select 'setting ' || name || ' = ' || setting from pg_settings where source = 'session'
  union all select 'role ' || current_user where current_user <> session_user
  union all select 'organization ' || current_setting('dunwell.org_id', true) where current_setting('dunwell.org_id', true) <> ''
  union all select 'channel ' || channel from pg_listening_channels() as l(channel)
  union all select 'cursor ' || name from pg_cursors where is_holdable
  union all select 'statement ' || name from pg_prepared_statements where from_sql
  union all select 'table ' || relname from pg_class where relnamespace = pg_my_temp_schema()`

export async function openBackend(databaseUrl: string): Promise<Backend> {
  const client = new pg.Client({ connectionString: databaseUrl })
  client.on('error', () => undefined)
  await client.connect()
  // pg logs in; what is said from there on is between the pooler's client and the server.
  const socket = (client as unknown as { connection: { stream: Socket } }).connection.stream
  socket.removeAllListeners('data')
  const messages = reader(socket, 1)
  const prepared = new Set<string>()

  async function answer({ bytes, steps }: Outgoing, hear: (next: Message) => void): Promise<boolean> {
    socket.write(bytes)
    const left = [...steps]
    for (;;) {
      const { value: next, done } = await messages.next()
      if (done === true) throw new Error('The server closed the connection.')
      const step = next.type === '1' || next.type === '3' ? left.shift() : undefined
      if (step?.kind === 'parse' && step.name !== '') prepared.add(step.name)
      if (step?.kind === 'close') prepared.delete(step.name)
      if (step === undefined || step.isOwn) hear(next)
      if (next.type === 'Z') return next.body.toString() === 'I'
    }
  }

  return {
    has: (name) => prepared.has(name),
    run: (outgoing, pass) => answer(outgoing, ({ type, body }) => pass(message(type, body))),
    async leftovers() {
      const found: string[] = []
      const bytes = message('Q', Buffer.from(`${selectLeftovers}\0`))
      await answer({ bytes, steps: [] }, ({ type, body }) => {
        if (type === 'E') throw new Error(body.toString())
        // One column: its count in two bytes, its length in four.
        if (type === 'D') found.push(body.subarray(6).toString())
      })
      return found
    },
    async end() {
      socket.destroy()
      await client.end().catch(() => undefined)
    }
  }
}
