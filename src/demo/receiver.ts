import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dayIn } from '../kernel/day.ts'

/** What the receiver keeps of a verified event. Fields that the event's type does not have are null or empty. */
export type ReceivedEvent = Readonly<{
  id: string
  type: string
  /** When it happened, in the organization's time (RFC 3339). */
  timestamp: string
  /** The id of the event's object. */
  objectId: string | null
  /** The number of the invoice that the event is about. */
  invoice: string | null
  /** The id of the stage entry. */
  entryId: string | null
  stage: string | null
  repetition: number | null
  /** The client's local day on which it happened, where the event says what zone the client lives in. */
  on: string | null
  skipped: readonly string[]
  /** Whose client the event is about. */
  clientId: string | null
  /** All that it carried, of the types that are asked for. */
  data: unknown
}>

export type ReceiverCounts = Readonly<{
  /** Events that arrived with a valid signature, each counted once. */
  verified: number
  /** Requests refused: no valid signature, no JSON, too large, wrong method. */
  rejected: number
  /** Valid requests whose `webhook-id` had arrived before. */
  duplicates: number
}>

export type Receiver = Readonly<{
  /** Where to subscribe it. */
  url: string
  /** The endpoint's secret (`whsec_…`). Until it is known every request is refused. Called again, both secrets hold (rotation). */
  trust: (secret: string) => Promise<void>
  counts: () => ReceiverCounts
  /** The verified events in the order of arrival, at most `maxEvents`; those beyond are verified and counted, not kept. */
  events: () => readonly ReceivedEvent[]
  /** Why the last request was refused. */
  lastRejection: () => string | undefined
  /** Waits until `count` distinct events were verified; rejects after `timeoutMs`, saying how many there were. */
  waitFor: (count: number, options?: { timeoutMs?: number }) => Promise<void>
  close: () => Promise<void>
}>

type Options = Readonly<{
  port?: number
  maxEvents?: number
  maxBodyBytes?: number
  /** The clients of whose events everything is kept; the others' are too many. */
  keepsAllOf?: (clientId: string) => boolean
}>
type Verifier = { verify: (payload: string, headers: Record<string, string>) => unknown }
type Waiter = Readonly<{ count: number; resolve: () => void }>

/** What the request handler reads and writes. */
type State = {
  readonly verifiers: Verifier[]
  readonly ids: Set<string>
  readonly events: ReceivedEvent[]
  readonly waiters: Set<Waiter>
  readonly maxEvents: number
  readonly maxBodyBytes: number
  readonly keepsAllOf: (clientId: string) => boolean
  verified: number
  rejected: number
  duplicates: number
  lastRejection: string | undefined
}

const DEFAULT_TIMEOUT_MS = 60_000

/**
 * Starts a webhook consumer on the loopback interface, as a customer would write one: every request is verified with the
 * `standardwebhooks` package before anything of it is believed, and answered 204 at once.
 */
export async function startReceiver({
  port = 0,
  maxEvents = 1_000_000,
  maxBodyBytes = 1_048_576,
  keepsAllOf = () => false
}: Options = {}): Promise<Receiver> {
  const state: State = {
    verifiers: [],
    ids: new Set(),
    events: [],
    waiters: new Set(),
    maxEvents,
    maxBodyBytes,
    keepsAllOf,
    verified: 0,
    rejected: 0,
    duplicates: 0,
    lastRejection: undefined
  }
  const server = createServer((request, response) => receive(state, request, response))
  server.keepAliveTimeout = 60_000
  const { port: actualPort } = await listening(server, port)
  return {
    url: `http://127.0.0.1:${actualPort}/webhooks`,
    trust: async (secret) => {
      const { Webhook } = await loadStandardWebhooks()
      state.verifiers.unshift(new Webhook(secret))
    },
    counts: () => ({ verified: state.verified, rejected: state.rejected, duplicates: state.duplicates }),
    events: () => state.events,
    lastRejection: () => state.lastRejection,
    waitFor: (count, options = {}) => arrival(state, { count, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS }),
    close: () => closed(server)
  }
}

async function loadStandardWebhooks() {
  try {
    return await import('standardwebhooks')
  } catch (cause) {
    throw new Error('The demo verifies signatures with the npm package standardwebhooks, which is not installed: run npm ci.', {
      cause
    })
  }
}

function receive(state: State, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= state.maxBodyBytes) chunks.push(chunk)
  })
  request.on('end', () => {
    const status = size > state.maxBodyBytes ? refuse(state, 413, 'the body is too large') : judge(state, request, chunks)
    response.writeHead(status).end()
    for (const waiter of state.waiters) if (state.verified >= waiter.count) waiter.resolve()
  })
  request.on('error', () => response.destroy())
}

/** Verifies and keeps one request; returns the status of the answer. */
function judge(state: State, request: IncomingMessage, chunks: Buffer[]): number {
  if (request.method !== 'POST') return refuse(state, 405, `the method is ${request.method}`)
  const headers = plain(request.headers)
  const id = headers['webhook-id'] ?? ''
  const [only] = chunks
  const body = (chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)).toString()
  const { event, reason } = verified(state.verifiers, { body, headers })
  if (reason !== undefined) return refuse(state, 401, reason)
  if (state.ids.has(id)) {
    state.duplicates += 1
    return 204
  }
  state.verified += 1
  state.ids.add(id)
  // A set keeps its order of insertion, so the first is the oldest and the least likely to come again.
  if (state.ids.size > state.maxEvents) for (const oldest of state.ids.values().take(1)) state.ids.delete(oldest)
  if (state.events.length < state.maxEvents) state.events.push(eventFrom(id, event, state.keepsAllOf))
  return 204
}

type Signed = Readonly<{ body: string; headers: Record<string, string> }>

function verified(verifiers: readonly Verifier[], { body, headers }: Signed): { event?: unknown; reason?: string } {
  let reason = 'no secret is known yet'
  for (const verifier of verifiers) {
    try {
      return { event: verifier.verify(body, headers) }
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error)
    }
  }
  return { reason }
}

function refuse(state: State, status: number, reason: string): number {
  state.rejected += 1
  state.lastRejection = reason
  return status
}

/** Reads what the demo compares from the event shape of the API: `{type, timestamp, data: {object, previous, context}}`. */
function eventFrom(id: string, event: unknown, keepsAllOf: State['keepsAllOf']): ReceivedEvent {
  const data = at(event, 'data')
  const object = at(data, 'object')
  const context = at(data, 'context')
  const stage = at(context, 'stage')
  const skipped = at(stage, 'skipped')
  const repetition = at(stage, 'repetition')
  const timestamp = textAt(event, 'timestamp') ?? ''
  const client = at(context, 'client')
  const timeZone = textAt(client, 'time_zone')
  const type = textAt(event, 'type') ?? ''
  const clientId = textAt(object, 'client_id') ?? (type.startsWith('client.') ? textAt(object, 'id') : textAt(client, 'id'))
  return {
    id,
    type,
    timestamp,
    objectId: textAt(object, 'id'),
    invoice: textAt(object, 'number'),
    entryId: textAt(context, 'entry_id'),
    stage: textAt(stage, 'code'),
    repetition: typeof repetition === 'number' ? repetition : null,
    on: timeZone === null ? null : dayIn(new Date(timestamp), timeZone),
    skipped: Array.isArray(skipped) ? skipped.filter((code) => typeof code === 'string') : [],
    clientId,
    data: clientId !== null && keepsAllOf(clientId) ? data : null
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function textAt(value: unknown, key: string): string | null {
  const text = at(value, key)
  return typeof text === 'string' ? text : null
}

function plain(headers: IncomingHttpHeaders): Record<string, string> {
  const result: Record<string, string> = {}
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    const value = headers[name]
    if (typeof value === 'string') result[name] = value
  }
  return result
}

function arrival(state: State, { count, timeoutMs }: { count: number; timeoutMs: number }): Promise<void> {
  if (state.verified >= count) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      state.waiters.delete(waiter)
      finish()
    }
    const waiter: Waiter = { count, resolve: () => settle(resolve) }
    const timer = setTimeout(() => {
      const refused = state.rejected === 0 ? '' : `; ${state.rejected} were refused, the last because ${state.lastRejection}`
      settle(() => reject(new Error(`${state.verified} of ${count} webhooks arrived within ${timeoutMs} ms${refused}.`)))
    }, timeoutMs)
    state.waiters.add(waiter)
  })
}

function listening(server: Server, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      // A server that listens on a TCP port has an address of this form; only pipes have a string.
      resolve(server.address() as AddressInfo)
    })
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)))
    server.closeAllConnections()
  })
}
