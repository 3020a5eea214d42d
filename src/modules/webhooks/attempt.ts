import type { Agent, Dispatcher } from 'undici'
import type { Clock } from '../../kernel/clock.ts'
import { AnswerBody } from './answer.ts'
import { codeOf, type Failure, type FailureReason, failureOf } from './attempt-failure.ts'
import { parseHttpDate, parseRetryAfter } from './schedule.ts'

export type AttemptOutcome =
  | Readonly<{ kind: 'response'; status: number; retryAfterMs?: number; bodyExcerpt: string; durationMs: number }>
  | Readonly<{ kind: 'error'; reason: FailureReason; detail: string; durationMs: number }>

export type AttemptLimits = Readonly<{
  /** How long a body may still drip after its headers: the status is known by then, and a slot is worth more. */
  bodyTimeoutMs: number
  bodyBytesMax: number
}>

/** What all attempts of a sender share. */
export type Line = Readonly<{
  /** The agent of the moment; its sockets are not kept for ever. */
  agent: () => Agent
  limits: AttemptLimits
  clock: Clock
  /** Errors of sockets that had answered before they broke. */
  staleErrors: WeakSet<Error>
}>

export type AttemptParts = Readonly<{
  options: Dispatcher.DispatchOptions
  timeoutMs: number
  signal: AbortSignal | undefined
  onOutcome: (outcome: AttemptOutcome) => void
}>

export const hungUp: Failure = { reason: 'aborted', detail: 'The service stopped the attempt.' }
const CLOSED_CODES = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/**
 * One attempt as undici's handler. `request()` would do, but it hears an abort only once its request is written: one that
 * waits for a connection or in a full pool would outlive its deadline. It also hides whether an answer had begun.
 */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly #line: Line
  readonly #parts: AttemptParts
  readonly #startedAt = performance.now()
  readonly #body = new AnswerBody()
  #timer: NodeJS.Timeout | undefined
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false
  #hasAnswerBegun = false
  #wasResent = false
  #status: number | undefined
  #retryAfterMs: number | undefined

  constructor(line: Line, parts: AttemptParts) {
    this.#line = line
    this.#parts = parts
  }

  start(): void {
    this.#timer = setTimeout(expire, this.#parts.timeoutMs, this)
    this.#parts.signal?.addEventListener('abort', this.#onAbort)
    this.#line.agent().dispatch(this.#parts.options, this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Throwing drops the request and spares the socket; aborting the controller would destroy it.
    if (this.#isOver) throw new Error('The attempt ended before its request was sent.')
    this.#controller = controller
  }

  onResponseStarted(): void {
    this.#hasAnswerBegun = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (this.#isOver || status < 200) return
    this.#status = status
    if (status === 429 || status === 503) this.#retryAfterMs = hintOf(headers, this.#line.clock)
    // Most answers come in one piece and are over before a microtask runs; only the others need a second timer.
    queueMicrotask(() => this.#limitBody())
  }

  #limitBody(): void {
    if (this.#isOver) return
    const leftMs = this.#parts.timeoutMs - (performance.now() - this.#startedAt)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(expire, Math.max(0, Math.min(this.#line.limits.bodyTimeoutMs, leftMs)), this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    this.#body.add(chunk)
    if (this.#body.readBytes >= this.#line.limits.bodyBytesMax) this.#cut()
  }

  onResponseEnd(): void {
    this.#settle()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return
    if (this.#wasResent || this.#hasAnswerBegun || !this.#wasFoundClosed(error)) {
      this.#settle(failureOf(error))
      return
    }
    this.#wasResent = true
    this.#controller = undefined
    // Not from within undici's handling of the closed socket, whose queue is being put in order.
    queueMicrotask(() => this.#line.agent().dispatch(this.#parts.options, this))
  }

  #wasFoundClosed(error: Error): boolean {
    return CLOSED_CODES.has(codeOf(error)) && this.#line.staleErrors.has(error)
  }

  expire(): void {
    const waitedFor = this.#controller === undefined ? 'No connection' : 'No answer'
    this.#cut({ reason: 'timeout', detail: `${waitedFor} within ${this.#parts.timeoutMs} ms.` })
  }

  readonly #onAbort = (): void => this.#cut(hungUp)

  #cut(failure?: Failure): void {
    this.#settle(failure)
    this.#controller?.abort(new Error('The attempt is over.'))
  }

  /** The status line is the contract: once it is here, whatever becomes of the body, it is the outcome. */
  #settle(failure: Failure = hungUp): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#parts.signal?.removeEventListener('abort', this.#onAbort)
    this.#parts.onOutcome(this.#outcome(failure, Math.round(performance.now() - this.#startedAt)))
  }

  #outcome(failure: Failure, durationMs: number): AttemptOutcome {
    if (this.#status === undefined) return { kind: 'error', ...failure, durationMs }
    const response = { kind: 'response', status: this.#status, bodyExcerpt: this.#body.excerpt(), durationMs } as const
    return this.#retryAfterMs === undefined ? response : { ...response, retryAfterMs: this.#retryAfterMs }
  }
}

function expire(attempt: Attempt): void {
  attempt.expire()
}

type AnswerHeaders = Record<string, string | string[] | undefined>

/** A date is measured against the receiver's own clock where it sends that, so that a clock that is wrong costs nothing. */
function hintOf(headers: AnswerHeaders, clock: Clock): number | undefined {
  const value = firstValue(headers['retry-after'])
  if (value === undefined) return undefined
  const now = clock.now()
  const sentAt = parseHttpDate(firstValue(headers['date']) ?? '', now)
  return parseRetryAfter(value, sentAt === undefined ? now : new Date(sentAt))
}

function firstValue(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
