import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database, Tx } from '../db/client.ts'
import type { Clock } from '../kernel/clock.ts'
import { DomainError } from '../kernel/errors.ts'
import * as repository from '../modules/organizations/idempotency-repository.ts'
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
 * Opens the transaction of a request. Key, effect, events and stored answer commit together, so a key can never be
 * taken without its answer; a concurrent duplicate waits on the unique index until the first commits, then replays.
 * A refusal stores nothing: the request can be corrected and sent again.
 */
export function createOnce({ database, clock, seal }: { database: Database; clock: Clock; seal: Seal }): Once {
  return async (request, reply, work) => {
    const { orgId } = request.principal
    // Of what is not a POST, saying it again does nothing more, or If-Match refuses it.
    const key = request.method === 'POST' ? headerText(request, 'idempotency-key') : undefined
    const answer = await database.scoped(
      orgId,
      async (tx) => {
        if (key === undefined) return answerOf(reply, await work(tx))
        const fingerprint = fingerprintOf(request)
        const claim = repository.claim(tx, { key, fingerprint, now: clock.now() })
        const [claimed, worked] = await Promise.allSettled([claim, work(unlessTaken(tx, claim))])
        if (claimed.status === 'rejected') throw claimed.reason
        if (claimed.value !== undefined) {
          tx.discard()
          return replay(claimed.value, { fingerprint, seal })
        }
        if (worked.status === 'rejected') throw worked.reason
        const stored = answerOf(reply, worked.value)
        const isSecret = worked.value.secret === true
        const body = isSecret ? seal.seal(stored.body) : stored.body
        repository.store(tx, { key, status: stored.status, body, sealed: isSecret })
        return stored
      },
      traceparentOf(request)
    )
    return send(reply, answer) as never
  }
}

/**
 * The work starts while its key is being claimed, so that its first queries travel in the same packet. Where the key turns out
 * to be taken, the work gets no further, and nothing of it is kept.
 */
function unlessTaken(tx: Tx, claim: Promise<repository.Stored | undefined>): Tx {
  let isTaken = false
  claim.then(
    (first) => {
      isTaken = first !== undefined
    },
    () => {
      isTaken = true
    }
  )
  return { ...tx, run: (statement, parameters) => (isTaken ? Promise.reject(new KeyTaken()) : tx.run(statement, parameters)) }
}

class KeyTaken extends Error {
  override readonly name = 'KeyTaken'
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
    throw new DomainError('idempotency_key_reused', 'This Idempotency-Key was used for another request.')
  }
  const body = first.sealed ? seal.open(first.body) : first.body
  return { status: first.status, body, etag: body === '' ? undefined : etagOf(JSON.parse(body) as object), replayed: true }
}

function fingerprintOf(request: FastifyRequest): string {
  const ifMatch = headerText(request, 'if-match') ?? ''
  return createHash('sha256')
    .update(JSON.stringify([request.method, request.url, ifMatch, request.body ?? null]))
    .digest('hex')
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
