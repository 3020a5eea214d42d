import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database, Tx } from '../db/client.ts'
import { isUnavailable } from '../db/errors.ts'
import type { Clock } from '../kernel/clock.ts'
import { DomainError } from '../kernel/errors.ts'
import * as repository from '../modules/organizations/idempotency-repository.ts'
import { refuseStale } from '../modules/organizations/service.ts'
import { fingerprintOf } from './fingerprint.ts'
import { itemsOf } from './items.ts'
import { traceparentOf } from './request-id.ts'
import { headerText } from './validation.ts'

export type Outcome<Body> = Readonly<{ status: number; body: Body; secret?: boolean }>

/** How answers that hold a secret, shown once, are stored for their replay. */
export type Seal = Readonly<{ seal: (text: string) => string; open: (sealed: string) => string }>

export type Once = <Body extends object | null>(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (tx: Tx) => Promise<Outcome<Body>>
) => Promise<never>

/**
 * Opens the transaction of a request. Effect, events, key and stored answer commit together, so a key is there if and only if its
 * answer is. Whoever repeats a request, later or at the same time, fails on its key, or is refused for what the first one did: of
 * that nothing is kept, and the first answer is replayed. Repeating is rare, so nothing is asked before it turns out to be so. A
 * refusal stores nothing: the request can be corrected and sent again.
 */
export function createOnce({ database, clock, seal }: { database: Database; clock: Clock; seal: Seal }): Once {
  return async (request, reply, work) => {
    const { orgId } = request.principal
    // Of what is not a POST, saying it again does nothing more, or If-Match refuses it.
    const key = request.method === 'POST' ? headerText(request, 'idempotency-key') : undefined
    const fingerprint = key === undefined ? '' : fingerprintOf(request)
    const attempt = async (tx: Tx): Promise<Answer> => {
      const outcome = await work(tx)
      const answer = answerOf(reply, outcome)
      if (key === undefined) return answer
      const sealed = outcome.secret === true
      const body = sealed ? seal.seal(answer.body) : answer.body
      repository.insert(tx, { key, fingerprint, status: answer.status, body, sealed, now: clock.now() })
      return answer
    }
    const answer = await database
      .scoped(orgId, attempt, { traceparent: traceparentOf(request), isSmall: true, items: itemsOf(request) })
      .catch(async (error: unknown) => {
        if (key === undefined || isUnavailable(error)) throw error
        const first = await database.reading(orgId, (reader) => repository.find(reader, key))
        if (first === undefined) throw error
        return replay(first, { fingerprint, seal })
      })
    return send(reply, answer) as never
  }
}

type Answer = Readonly<{ status: number; body: string; etag: string | undefined; replayed: boolean }>

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.replayed) void reply.header('idempotency-replayed', 'true')
  if (answer.etag !== undefined) void reply.header('etag', answer.etag)
  void reply.code(answer.status)
  if (answer.body === '') return reply.send()
  return reply.header('content-type', 'application/json; charset=utf-8').send(answer.body)
}

function answerOf(reply: FastifyReply, { status, body }: Outcome<object | null>): Answer {
  if (body === null) return { status, body: '', etag: undefined, replayed: false }
  void reply.code(status)
  return { status, body: String(reply.serialize(body as never)), etag: etagOf(body), replayed: false }
}

function replay(first: repository.Stored, { fingerprint, seal }: { fingerprint: string; seal: Seal }): Answer {
  if (first.fingerprint !== fingerprint) {
    throw new DomainError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another request: another method, path, query or body. Send this one with a new key.'
    )
  }
  const body = first.sealed ? seal.open(first.body) : first.body
  return { status: first.status, body, etag: body === '' ? undefined : etagOf(JSON.parse(body) as object), replayed: true }
}

type Versioned = Readonly<{ versionForUpdate: (tx: Tx, id: string) => Promise<number> }>

/** What is done with an object goes by the version that the caller names, where it names one: nobody changes it in between. */
export async function requireMatch(
  tx: Tx,
  request: FastifyRequest<{ Params: { id: string } }>,
  { versionForUpdate }: Versioned
): Promise<void> {
  const expected = expectedVersion(request)
  if (expected !== undefined) refuseStale(await versionForUpdate(tx, request.params.id), expected)
}

/** Mutable objects carry `version`; their ETag is that number. */
export function etagOf(body: object): string | undefined {
  return 'version' in body && typeof body.version === 'number' ? `"${body.version}"` : undefined
}

/** @returns the version that the caller's change was made from, or undefined when it does not say. */
export function expectedVersion(request: FastifyRequest): number | undefined {
  const text = headerText(request, 'if-match')
  if (text === undefined || text === '*') return undefined
  const match = /^(?:W\/)?"(\d{1,9})"$/.exec(text)
  if (match?.[1] === undefined) throw new DomainError('version_conflict', 'If-Match holds no ETag of ours.')
  return Number(match[1])
}
