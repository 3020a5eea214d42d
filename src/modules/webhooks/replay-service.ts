import type { Reader, Tx } from '../../db/client.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DomainError } from '../../kernel/errors.ts'
import * as endpointRepository from './endpoint-repository.ts'
import * as repository from './replay-repository.ts'

export type { Replay } from './replay-repository.ts'

export type ReplayServiceDeps = Readonly<{
  clock: Clock
  newId: () => string
  wakeReplays: () => void
  wakeDeliveries: () => void
  /** The client that is named by id or by reference; null where neither is there. @throws DomainError for an unknown reference. */
  clientIdOf: (reader: Reader, named: { id: string | undefined; ref: ClientRef | undefined }) => Promise<string | null>
}>

type ClientRef = Readonly<{ source: string; id: string }>

export type NewReplay = Readonly<{
  endpointId: string
  from: Date
  /** Now unless said. */
  to: Date | null
  eventTypes: readonly string[] | null
  /** A client by id or by reference; all unless said. */
  clientId?: string | undefined
  clientRef?: ClientRef | undefined
  states: readonly string[]
  /** The field that `from` came in. */
  pointer?: string
  /** What is recorded so long after its end belongs to it too. */
  marginMs?: number
}>

/** What came of a look at a replay: `more` can be queued at once, the endpoint has enough for now, or nothing is left. */
export type ReplayProgress = 'more' | 'enough' | 'ended'

const RUNNING_MAX = 10
const EVENTS_PER_STEP = 500
/** Waiting for an endpoint; beyond, a replay queues nothing more, so that what happens now is not far behind it. */
const WAITING_MAX = 1_000
/** An event that was recorded before the end may commit, and get its number, a little later. */
const LATE_COMMITS_MS = 30_000
/** Until the enabling of an endpoint has committed, what happens finds it disabled. */
const ENABLING_MS = 10_000

/** What was not delivered, of an endpoint that was away: everything but what is on its way or arrived. */
export const undelivered: readonly string[] = ['failed', 'cancelled', 'missing']

/** Sends an endpoint a span of events again: step by step, so that a replay of any length holds back nothing. */
export function createReplayService({ clock, newId, wakeReplays, wakeDeliveries, clientIdOf }: ReplayServiceDeps) {
  async function get(reader: Reader, id: string): Promise<repository.Replay> {
    const replay = await repository.find(reader, id)
    if (replay === undefined) throw new DomainError('not_found', 'There is no such replay.')
    return replay
  }

  async function start(tx: Tx, input: NewReplay): Promise<repository.Replay> {
    const now = clock.now()
    const { from: fromAt, to: toAt } = checkedSpan(input, now)
    const { endpointId, eventTypes, states, marginMs = 0 } = input
    const clientId = await clientIdOf(tx, { id: input.clientId, ref: input.clientRef })
    await endpointRepository.lockLimits(tx)
    if ((await repository.running(tx)) >= RUNNING_MAX)
      throw new DomainError(
        'limit_reached',
        `At most ${RUNNING_MAX} replays run at a time. Wait until one has ended, or cancel one.`
      )
    const replay: repository.Replay = {
      id: newId(),
      endpointId,
      fromAt,
      toAt: new Date(toAt.getTime() + marginMs),
      eventTypes: eventTypes === null ? null : [...eventTypes],
      clientId,
      states: [...states],
      status: 'running',
      afterSeq: await repository.seqBefore(tx, fromAt),
      queued: 0,
      createdAt: now,
      updatedAt: now,
      finishedAt: null
    }
    await repository.insert(tx, replay)
    tx.afterCommit(wakeReplays)
    return replay
  }

  return {
    get,
    page: (reader: Reader, input: Parameters<typeof repository.page>[1]) => repository.page(reader, input),
    allRunning: (scheduler: Reader, page: Parameters<typeof repository.allRunning>[1]) => repository.allRunning(scheduler, page),
    /** Of an endpoint that is to get nothing of the past. */
    cancelOf: (tx: Tx, endpointId: string) => repository.cancel(tx, { of: endpointId, at: clock.now() }),

    /** A step of it failed, and would again. */
    fail: (tx: Tx, id: string) => repository.fail(tx, { id, at: clock.now() }),

    async cancel(tx: Tx, id: string): Promise<repository.Replay> {
      await repository.cancel(tx, { of: id, at: clock.now() })
      return get(tx, id)
    },

    /** What an endpoint has not got since then: for one that is enabled again. */
    startMissed: (tx: Tx, { endpointId, since }: { endpointId: string; since: Date }) =>
      start(tx, {
        ...{ endpointId, from: since, to: null, eventTypes: null, states: undelivered },
        pointer: '/replay_since',
        marginMs: ENABLING_MS
      }),

    /** The same for an endpoint that was asked for by name. */
    async create(tx: Tx, input: NewReplay): Promise<repository.Replay> {
      const endpoint = await endpointRepository.findForUpdate(tx, input.endpointId)
      if (endpoint === undefined) throw new DomainError('not_found', 'There is no such webhook endpoint.')
      if (endpoint.status === 'disabled')
        throw new DomainError('endpoint_disabled', 'The endpoint is disabled: enable it with `replay_since`.')
      return start(tx, input)
    },

    /** Queues the next of a replay, as far as its endpoint has room. */
    async step(tx: Tx, id: string): Promise<ReplayProgress> {
      const replay = await repository.lock(tx, { id, waitingMax: WAITING_MAX })
      if (replay === undefined) return 'ended'
      if (replay.waiting >= WAITING_MAX) return 'enough'
      const { looked, lastSeq, queued } = await repository.step(tx, replay, EVENTS_PER_STEP)
      const isAtEnd = looked < EVENTS_PER_STEP
      const isOver = isAtEnd && clock.now().getTime() - replay.toAt.getTime() >= LATE_COMMITS_MS
      await repository.save(tx, {
        ...replay,
        ...(isOver && { status: 'done', finishedAt: clock.now() }),
        updatedAt: clock.now(),
        afterSeq: lastSeq ?? replay.afterSeq,
        queued: replay.queued + queued
      })
      if (queued > 0) tx.afterCommit(wakeDeliveries)
      if (isOver) return 'ended'
      return isAtEnd ? 'enough' : 'more'
    }
  }
}

export type ReplayService = ReturnType<typeof createReplayService>

function checkedSpan(
  { from, to, pointer = '/from' }: Pick<NewReplay, 'from' | 'to' | 'pointer'>,
  now: Date
): { from: Date; to: Date } {
  if (to !== null && to > now) throw new DomainError('invalid_request', 'It ends now at the latest.', { pointer: '/to' })
  if (from >= now)
    throw new DomainError('invalid_request', 'It lies in the past: what is to come is sent as it happens.', { pointer })
  const end = to ?? now
  if (from >= end) throw new DomainError('invalid_request', 'It begins before it ends.', { pointer })
  return { from, to: end }
}
