import type { Socket } from 'node:net'
import pg from 'pg'
import type { Limits } from './begin.ts'
import { DatabaseUnavailable, isReadOnly, spoilsConnection } from './errors.ts'
import { Shares, type ShareUse, type Wish } from './shares.ts'

export type PoolOptions = Readonly<{
  url: string
  connections?: number
  /** How many of them one organization has at a time beside others; half unless set. */
  connectionsPerOrganization?: number | undefined
  statementTimeoutMs?: number
  lockTimeoutMs?: number
}>

/** How much work it is that is asked for: little is done soon, or waits for a lock. */
export type Effort = 'little' | 'much'

export type PoolUse = Readonly<{
  max: number
  inUse: number
  idle: number
  shares: ShareUse
}>

export type Pool = Readonly<{
  /**
   * @param effort decides how long an answer is waited for
   * @param wish whose share the connection is of; null for what no share may keep waiting
   */
  connect: (effort: Effort, wish: Wish | null) => Promise<pg.PoolClient>
  /** @param failure what its last use failed by, where it did. */
  release: (client: pg.PoolClient, failure?: unknown) => void
  /** For each transaction to set: what a connection is opened with, a pooler refuses or loses. */
  limits: Limits
  limitShare: (holder: string, connections: number | null) => void
  use: () => PoolUse
  close: () => Promise<void>
}>

/** How long after its last moment an answer may still come. */
const MARGIN_MS = 5_000
/** Statements that travel together are answered together: of these, so many may take as long as one may at most. */
const SLOWEST = 2
const KEEP_ALIVE_MS = 10_000
const CONNECT_MS = 5_000
/** Connections that nobody has a share of: for readiness, and for looking up whose key it is. */
const UNSHARED = 2
/** How many requests of one organization may wait for a connection. */
const WAITING_MAX = 100

export function createPool(options: PoolOptions): Pool {
  const { url, connections = 10, statementTimeoutMs = 60_000, lockTimeoutMs = 10_000 } = options
  const config: pg.PoolConfig = {
    connectionString: url,
    max: connections,
    pipeline: true,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: 'dunwell',
    types: { getTypeParser: parserFor }
  }
  const pool = new pg.Pool(config)
  const silenceMs = { little: SLOWEST * lockTimeoutMs + MARGIN_MS, much: SLOWEST * statementTimeoutMs + MARGIN_MS }
  // A connection that breaks fails its queries, or is replaced by the next checkout; without a listener, of the pool while it is
  // idle and of its own while it is in use, the process would end.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  endSilentConnections(pool, silenceMs.little)
  // After a failover every connection that is there leads to the former primary, which still reads, and so tells of nothing.
  let generation = 0
  const generations = new WeakMap<pg.PoolClient, number>()
  pool.on('connect', (client) => void generations.set(client, generation))
  const isOutdated = (client: pg.PoolClient) => generations.get(client) !== generation
  const checkOut = async () => {
    let client = await pool.connect().catch(unavailable)
    while (isOutdated(client)) {
      client.release(true)
      client = await pool.connect().catch(unavailable)
    }
    return client
  }
  const shares = sharesOf(options, connections)
  const giveBacks = new WeakMap<pg.PoolClient, () => void>()
  return {
    async connect(effort, wish) {
      const giveBack = wish === null ? () => undefined : await shares.take(wish)
      try {
        const client = await checkOut()
        giveBacks.set(client, giveBack)
        wait(client, silenceMs[effort])
        return client
      } catch (error) {
        giveBack()
        throw error
      }
    },
    release(client, failure) {
      if (failure !== undefined && isReadOnly(failure) && !isOutdated(client)) generation += 1
      client.release(isOutdated(client) || (failure !== undefined && spoilsConnection(failure)))
      giveBacks.get(client)?.()
    },
    limits: { statementMs: statementTimeoutMs, lockMs: lockTimeoutMs },
    limitShare: (holder, limit) => shares.limit(holder, limit),
    use: () => ({
      max: connections,
      inUse: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      shares: shares.use()
    }),
    close: () => pool.end()
  }
}

function sharesOf({ connectionsPerOrganization }: PoolOptions, connections: number): Shares {
  const half = Math.floor(connections / 2)
  return new Shares({
    total: connections - Math.min(UNSHARED, half),
    perOrganization: connectionsPerOrganization ?? Math.max(1, half),
    waitingMax: WAITING_MAX,
    waitMs: CONNECT_MS,
    nowMs: () => performance.now()
  })
}

function unavailable(error: unknown): never {
  throw new DatabaseUnavailable(error)
}

/**
 * The server keeps its own limits, but a server, or a way to it, that is gone without a word keeps none, and TCP waits a quarter of
 * an hour for what was sent to be confirmed: so who owes an answer and says nothing for longer than it may take is given up.
 */
function endSilentConnections(pool: pg.Pool, idleMs: number): void {
  const inUse = new WeakSet<pg.PoolClient>()
  pool.on('acquire', (client) => void inUse.add(client))
  pool.on('release', (_error, client) => {
    inUse.delete(client)
    wait(client, idleMs)
  })
  pool.on('connect', (client) =>
    socketOf(client).on('timeout', () => {
      // Between two statements of a transaction it is we who think.
      if (inUse.has(client) && !owesAnswer(client)) return
      const silent = Object.assign(new Error('The database has not answered for too long.'), { code: 'ETIMEDOUT' })
      socketOf(client).destroy(silent)
    })
  )
}

/** What is used here of the inside of pg, whose version is pinned. */
type Inside = { connection: { stream: Socket }; _getActiveQuery: () => object | null | undefined }

const socketOf = (client: pg.PoolClient) => (client as unknown as Inside).connection.stream

function owesAnswer(client: pg.PoolClient): boolean {
  return ((client as unknown as Inside)._getActiveQuery() ?? null) !== null
}

function wait(client: pg.PoolClient, silenceMs: number): void {
  const socket = socketOf(client)
  if (socket.timeout !== silenceMs) socket.setTimeout(silenceMs)
}

const asBigInt = (text: string) => BigInt(text)
const asText = (text: string) => text

/** Amounts and counts are bigint, days stay text: neither may pass through a float or a local midnight. */
function parserFor(oid: number, format?: 'text' | 'binary') {
  if (format !== 'binary') {
    if (oid === pg.types.builtins.INT8) return asBigInt
    if (oid === pg.types.builtins.DATE) return asText
  }
  return pg.types.getTypeParser(oid, format)
}
