import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { connect, Refused } from './dunwell.ts'
import { deeds, heading, letterOf, notSent, rule, type Told } from './letters.ts'
import { type Memory, openMemory, type Waiting } from './memory.ts'
import { verify } from './verify.ts'

const USAGE = `usage: npm run consumer -- [KEY] [options]

  KEY             of an organization, with the scope admin; else the variable KEY
  --service URL   http://127.0.0.1:3000 unless said
  --port N        where it listens for webhooks, 3100 unless said
  --memory FILE   what it knows, .dunwell/consumer.ndjson unless said
`
const BODY_BYTES_MAX = 10_000_000
const FETCH_EVERY_MS = 60_000

type Dunwell = ReturnType<typeof connect>

/** Subscribes itself and prints what it would send, until it is interrupted. */
async function main(argv: readonly string[]): Promise<number> {
  const wanted = argumentsFrom(argv)
  if (wanted === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  if (typeof wanted === 'string') {
    process.stderr.write(`${wanted}\n\n${USAGE}`)
    return 1
  }
  const { key, values } = wanted
  const interrupted = new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  const memory = openMemory(values.memory)
  const dunwell = connect(values.service, key)
  const desk = openDesk(memory, dunwell)
  const server = createServer((request, response) => receive(request, response, { memory, desk }))
  await once(server.listen(Number(values.port), '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  await subscribe(memory, dunwell, url)
  process.stdout.write(`Takes webhooks at ${url}, and would send:\n\n${heading}\n${rule}\n`)
  await catchUp(memory, dunwell, desk)
  const timer = setInterval(() => void catchUp(memory, dunwell, desk).catch(complain), FETCH_EVERY_MS)
  await interrupted
  clearInterval(timer)
  server.close()
  server.closeIdleConnections()
  await desk.close()
  return 0
}

type Arguments = Readonly<{ key: string; values: Readonly<{ service: string; port: string; memory: string }> }>

/** The arguments, or `help`, or what is wrong with them. */
function argumentsFrom(argv: readonly string[]): Arguments | string {
  if (argv.includes('--help') || argv.includes('-h')) return 'help'
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        service: { type: 'string', default: 'http://127.0.0.1:3000' },
        port: { type: 'string', default: '3100' },
        memory: { type: 'string', default: '.dunwell/consumer.ndjson' }
      }
    })
    const key = positionals[0] ?? process.env['KEY'] ?? ''
    if (positionals.length > 1) return 'Name one key.'
    return key === '' ? 'Which key? npm start shows one.' : { key, values }
  } catch (error) {
    return reasonOf(error)
  }
}

/** Subscribes, or goes on where it was. What happened before a first subscription is not its business. */
async function subscribe(memory: Memory, dunwell: Dunwell, url: string): Promise<void> {
  const known = memory.subscribed()
  if (known !== undefined && (await dunwell.resume(known, url))) return
  const { id, secret } = await dunwell.subscribe(url)
  memory.begin({ id, secret })
  for await (const page of dunwell.pagesAfter(undefined)) {
    const last = page.at(-1)
    if (last !== undefined) memory.startsAfter(last.id)
  }
}

/** Verifies, stores, answers; the work is done at the desk, when the answer is gone. */
function receive(request: IncomingMessage, response: ServerResponse, { memory, desk }: { memory: Memory; desk: Desk }): void {
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk)
  })
  request.on('end', () => {
    const status = bytes > BODY_BYTES_MAX ? 413 : statusFor(request.headers, Buffer.concat(chunks), { memory, desk })
    response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end()
  })
}

function statusFor(headers: IncomingHttpHeaders, body: Buffer, { memory, desk }: { memory: Memory; desk: Desk }): number {
  const secret = memory.subscribed()?.secret
  // It is about to know.
  if (secret === undefined) return 503
  try {
    const event = verify(secret, headers, body) as Told
    desk.take({ id: String(headers['webhook-id']), event, isMissed: false })
    return 204
  } catch (error) {
    complain(error)
    return 401
  }
}

/** Takes from the log of events what no webhook brought: it was away, or its answer was lost, or the endpoint was disabled. */
async function catchUp(memory: Memory, dunwell: Dunwell, desk: Desk): Promise<void> {
  desk.goOn()
  try {
    await fetchAfter(memory.last())
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 410) throw error
    // The service was restored from a backup that is older than the last event. What was taken before is left out by its id.
    complain(error)
    await fetchAfter(memory.first())
  }

  async function fetchAfter(last: string | undefined): Promise<void> {
    for await (const page of dunwell.pagesAfter(last)) {
      for (const { id, type, body } of page) {
        const isMeant = deeds[type] !== undefined && type !== 'webhook_endpoint.test'
        if (body !== null && isMeant) desk.take({ id, event: body, isMissed: true })
      }
      const reached = page.at(-1)
      if (reached !== undefined) memory.reached(reached.id)
    }
  }
}

type Desk = ReturnType<typeof openDesk>

/** Works on what was taken, one after the other. */
function openDesk(memory: Memory, dunwell: Dunwell) {
  let last = Promise.resolve()
  const workOn = (one: Waiting) => {
    last = last.then(() => work(one)).catch(complain)
  }

  async function work({ id, event, isMissed }: Waiting): Promise<void> {
    if (!memory.isWaiting(id)) return
    const why = await reasonNotTo(event, isMissed)
    const line = why === null ? letterOf(event) : notSent(event, why)
    // Names come from outside, and a terminal obeys what is no letter.
    process.stdout.write(`${line.replace(/\p{Cc}/gu, '\uFFFD')}\n`)
    // Here a mail would be sent, with the id as its idempotency key: who dies before the next line does it again.
    memory.done(id, why === null ? event.data.context.entry_id : undefined)
  }

  /** A reminder that comes late is sent only if it is still true, an apology only for what was sent; anything else must not be overtaken. */
  async function reasonNotTo(event: Told, isMissed: boolean): Promise<string | null> {
    const { entries = [], replaces_event_ids: replaced } = event.data.context
    const deed = deeds[event.type]
    const isOvertaken = memory.isOvertaken(event)
    if (replaced?.every(memory.hasTaken) === true) return 'it was said already'
    if (deed === 'apologize') return entries.some(({ id }) => memory.hasTold(id)) ? null : 'it was not sent'
    if (deed !== 'remind') return isOvertaken ? 'something newer is known' : null
    const isLate = isMissed || isOvertaken
    return isLate && !(await dunwell.stillStands(event)) ? 'it came late, and is not so any more' : null
  }

  return {
    /** Works on what a former process took and did not finish, or what failed. */
    goOn(): void {
      for (const one of memory.waiting()) workOn({ ...one, isMissed: true })
    },
    take(one: Waiting): void {
      if (memory.take(one)) workOn(one)
    },
    close: () => last
  }
}

function complain(error: unknown): void {
  process.stderr.write(`${reasonOf(error)}\n`)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    complain(error)
    process.exit(1)
  }
)
