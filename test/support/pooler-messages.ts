import type { Socket } from 'node:net'

/** A message of the protocol. That which opens a connection has no type. */
export type Message = Readonly<{ type: string; body: Buffer }>

export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** Texts that each end with a zero. */
export const cells = (...texts: string[]) => Buffer.from(texts.map((text) => `${text}\0`).join(''))

/** @param firstType how long the type of the first message is: none opens a connection, and each of those after it is a letter */
export async function* reader(socket: Socket, firstType: 0 | 1): AsyncGenerator<Message> {
  let rest: Buffer = Buffer.alloc(0)
  let typeLength: number = firstType
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk as Buffer])
    while (rest.length >= typeLength + 4 && rest.length >= typeLength + rest.readInt32BE(typeLength)) {
      const end = typeLength + rest.readInt32BE(typeLength)
      yield { type: rest.toString('latin1', 0, typeLength), body: rest.subarray(typeLength + 4, end) }
      rest = rest.subarray(end)
      typeLength = 1
    }
  }
}

/** The names of the parameters that a client opens its connection with. */
export function startup({ body }: Message): string[] {
  return textsOf(body.subarray(4)).filter((text, index) => index % 2 === 0 && text !== '')
}

function textsOf(body: Buffer): string[] {
  return body.toString().split('\0')
}

/** What goes to the server, and of each statement that is prepared or closed on the way: its name there, and who hears of it. */
export type Outgoing = Readonly<{ bytes: Buffer; steps: readonly Step[] }>
export type Step = Readonly<{ kind: 'parse' | 'close'; name: string; isOwn: boolean }>

type Names = Readonly<{
  /** What the names of this client begin with at the server; undefined where they stay as they are. */
  owner: string | undefined
  /** The client's statements. */
  known: Map<string, Message>
  /** Whether the connection has a statement. */
  has: (name: string) => boolean
}>

/** A client's messages as the server gets them. A statement that this connection does not have is prepared there first. */
export function frontend(packet: readonly Message[], { owner, known, has }: Names): Outgoing {
  const out: Buffer[] = []
  const steps: Step[] = []
  const sent = new Set<string>()
  const at = (name: string) => (owner === undefined || name === '' ? name : owner + name)
  const parse = (name: string, { body }: Message, isOwn: boolean) => {
    out.push(message('P', Buffer.concat([cells(at(name)), body.subarray(Buffer.byteLength(name) + 1)])))
    steps.push({ kind: 'parse', name: at(name), isOwn })
    sent.add(at(name))
  }
  const ensure = (name: string) => {
    const statement = known.get(name)
    if (owner === undefined || statement === undefined || sent.has(at(name)) || has(at(name))) return
    parse(name, statement, false)
  }
  for (const next of packet) {
    const { type, body } = next
    const [first = '', second = ''] = textsOf(body)
    const isStatement = body[0] === 'S'.charCodeAt(0)
    if (type === 'P') {
      known.set(first, next)
      parse(first, next, true)
    } else if (type === 'B') {
      ensure(second)
      const rest = body.subarray(Buffer.byteLength(first) + Buffer.byteLength(second) + 2)
      out.push(message('B', Buffer.concat([cells(first, at(second)), rest])))
    } else if ((type === 'D' || type === 'C') && isStatement) {
      const name = first.slice(1)
      if (type === 'D') ensure(name)
      else steps.push({ kind: 'close', name: at(name), isOwn: true })
      out.push(message(type, cells(`S${at(name)}`)))
    } else {
      if (type === 'C') steps.push({ kind: 'close', name: '', isOwn: true })
      out.push(message(type, body))
    }
  }
  return { bytes: Buffer.concat(out), steps }
}
