import { setTimeout as pause } from 'node:timers/promises'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import { assert } from '../kernel/assert.ts'
import { type Tracing, untraced } from '../kernel/tracing.ts'
import { type Before, nothingAsked, runAll, runFirst } from './before-commit.ts'
import { begin, enter, type Limits, type Role, starts } from './begin.ts'
import { DatabaseUnavailable, isLockTimeout, isRetryable, isUnavailable, spoilsConnection } from './errors.ts'
import { inOrder } from './in-order.ts'
import { flush, forget, send, sendWithNext } from './packet.ts'
import { createPool, type Effort, type PoolOptions, type PoolUse } from './pool.ts'
import { type Asked, formOf, type Run, type Write } from './query.ts'
import { createReplanning, type Replan } from './replanning.ts'
import { JOBS, type Wish } from './shares.ts'
import { type Statement, statement } from './statement.ts'

/**
 * What a query may use: one organization's rows, inside one transaction. `run` sends a prepared statement by name;
 * `sql` builds queries with Drizzle. Both go through the transaction's own connection, pipelined: queries started
 * together travel together.
 */
export type Reader = Readonly<{
  orgId: string
  /** W3C trace context of the request that is being served. */
  traceparent: string | null
  sql: NodePgDatabase
  run: Run
}>

/** What a write needs. A Reader does not pass for it, so that no write can happen outside a writing transaction. */
export type Tx = Reader &
  Readonly<{
    writes: true
    /** Runs when the work is done and before the commit, in the order of asking. What it writes commits with the rest. */
    beforeCommit: (action: () => Promise<void>) => void
    /** Runs now what was asked for before the commit: for an answer that shows what it led to. Not from within it. */
    decided: () => Promise<void>
    /** Runs after all that is asked for before the commit, that too which is asked for meanwhile: for what says how it ended. */
    atEnd: (action: () => Promise<void>) => void
    /** Runs after the commit, never if it fails. For waking workers; nothing that must happen may hang on it. */
    afterCommit: (action: () => void) => void
    /**
     * A write whose outcome decides nothing that comes after it: it waits for the next statement, at the latest the commit, and
     * saves a trip, unless it is large. Where it fails, so does the transaction. `read` gets its rows before the commit counts.
     */
    write: Write
    /**
     * Does a part of the work, with a handle of its own: what it asks for before the commit runs at its end. Where it throws, nothing
     * of it is kept, and the transaction goes on.
     */
    attempt: <T>(work: (part: Tx) => Promise<T>) => Promise<T>
    /** The same transaction in another organization's scope: only for the operator, who makes organizations. */
    inOrganization: (orgId: string) => Promise<Tx>
  }>

export type How = Readonly<{
  traceparent?: string | null
  /**
   * For what a request writes, of a few objects: its statements keep one plan each, by an index, and it is soon answered or never.
   * What a job does of thousands is planned for what it is.
   */
  isSmall?: boolean
  /** How many objects it writes, if it was asked to write several. */
  items?: number
}>

export type Database = Readonly<{
  /** One organization's transaction, committed when `work` resolves. Deadlocks are retried, so `work` may run again. */
  scoped: <T>(orgId: string, work: (tx: Tx) => Promise<T>, how?: How) => Promise<T>
  /** The same, read only, and done with its first answer: the commit is not waited for. */
  reading: <T>(orgId: string, work: (reader: Reader) => Promise<T>) => Promise<T>
  /** Reads across organizations what the scheduler's policies open: keys, organizations, due work. Never a write. */
  scheduling: <T>(work: (reader: Reader) => Promise<T>) => Promise<T>
  /** Whether one organization's transaction could be committed: does the work and keeps nothing of it. */
  rehearse: (orgId: string, work: (tx: Tx) => Promise<unknown>) => Promise<void>
  /** The same for jobs: their connections count as theirs, whichever organization they work for. */
  forJobs: () => Database
  /** An organization has so many connections at most beside others, in this process; null for as many as all. */
  limitShare: (orgId: string, connections: number | null) => void
  /** How its connections are used now. */
  use: () => PoolUse
  close: () => Promise<void>
}>

const ATTEMPTS = 4
/** From so many objects on, a transaction is heavy. */
const HEAVY_ITEMS = 10
const LARGE_BYTES = 65_536
const AGAIN_MS = 50
const NOBODY = ''
/** In whose name the operator acts. */
const NO_ORGANIZATION = '00000000-0000-0000-0000-000000000000'

const commit = statement('transaction.commit', 'commit')
const rollback = statement('transaction.rollback', 'rollback')
const savepoint = {
  set: statement('transaction.savepoint', 'savepoint attempt'),
  release: statement('transaction.savepoint_release', 'release savepoint attempt'),
  rollback: statement('transaction.savepoint_rollback', 'rollback to savepoint attempt')
}

export function createDatabase({ tracing = untraced, ...options }: PoolOptions & { tracing?: Tracing }): Database {
  const pool = createPool(options)
  const { limits } = pool
  const drizzles = new WeakMap<pg.PoolClient, NodePgDatabase>()

  function sqlOn(client: pg.PoolClient): NodePgDatabase {
    let sql = drizzles.get(client)
    if (sql === undefined) {
      sql = drizzle({ client: inOrder(client, tracing), casing: 'snake_case' })
      drizzles.set(client, sql)
    }
    return sql
  }

  async function attempt<T>({ holder, orgId, how }: Writing, work: (tx: Tx) => Promise<T>): Promise<T> {
    const { isSmall = false, items = 1 } = how
    const traceparent = tracing.current() ?? how.traceparent ?? null
    const client = await pool.connect(isSmall ? 'little' : 'much', wishOf(holder, items >= HEAVY_ITEMS))
    const tx = txOn(client, sqlOn(client), { orgId, traceparent, tracing, limits })
    let failure: unknown
    try {
      const begun = begin(client, { start: isSmall ? starts.writingLittle : starts.writing, role: 'dunwell_app', orgId, limits })
      const result = await work(tx.handle)
      await begun
      await tx.finish()
      await tx.end()
      return result
    } catch (error) {
      failure = isUnavailable(error) ? new DatabaseUnavailable(error) : error
      // Whoever closes the connection ends the transaction.
      if (!spoilsConnection(failure)) await rollBack(client).catch(() => (failure = new DatabaseUnavailable(error)))
      throw failure
    } finally {
      pool.release(client, failure)
    }
  }

  async function read<T>({ holder, role, orgId, effort }: Reading, work: (reader: Reader) => Promise<T>): Promise<T> {
    const client = await pool.connect(effort, wishOf(holder))
    const finish = (how: typeof commit) =>
      send(client, how, []).then(
        () => pool.release(client),
        (error: unknown) => pool.release(client, new DatabaseUnavailable(error))
      )
    try {
      const begun = begin(client, { start: starts.reading, role, orgId, limits })
      const result = await work(readerOn(client, sqlOn(client), { orgId, traceparent: null, tracing }))
      await begun
      void finish(commit)
      return result
    } catch (error) {
      if (spoilsConnection(error)) pool.release(client, error)
      else void finish(rollback)
      // A read waits for no row. What it waits for is the change of a whole table.
      throw isUnavailable(error) || isLockTimeout(error) ? new DatabaseUnavailable(error) : error
    }
  }

  /** @param holderOf who holds a connection that is used in an organization's name, and one that is in nobody's */
  const databaseOf = (holderOf: (orgId: string) => string | null): Database => ({
    scoped: async (orgId, work, how = {}) => {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt({ holder: holderOf(orgId), orgId, how }, work)
        } catch (error) {
          if (tries === ATTEMPTS || !isRetryable(error)) throw error
          // At different times, so that those that met do not meet again.
          await pause(Math.random() * AGAIN_MS * tries)
        }
      }
    },
    reading: (orgId, work) => read({ holder: holderOf(orgId), role: 'dunwell_app', orgId, effort: 'much' }, work),
    // Looks are short, and what they would find must not wait for one that is never answered.
    scheduling: (work) => read({ holder: holderOf(NOBODY), role: 'dunwell_scheduler', orgId: NOBODY, effort: 'little' }, work),
    rehearse: (orgId, work) =>
      attempt({ holder: holderOf(orgId), orgId, how: { isSmall: true } }, async (tx) => {
        await work(tx)
        throw new Rehearsed()
      }).catch((error: unknown) => {
        if (!(error instanceof Rehearsed)) throw new DatabaseUnavailable(error)
      }),
    forJobs: () => databaseOf(() => JOBS),
    limitShare: pool.limitShare,
    use: pool.use,
    close: pool.close
  })
  return databaseOf((orgId) => (orgId === NOBODY || orgId === NO_ORGANIZATION ? null : orgId))
}

function wishOf(holder: string | null, isHeavy = false): Wish | null {
  return holder === null ? null : { holder, isHeavy }
}

/** Thrown to roll back what was only tried. */
class Rehearsed extends Error {}

type Writing = Readonly<{ holder: string | null; orgId: string; how: How }>
type Reading = Readonly<{ holder: string | null; role: Role; orgId: string; effort: Effort }>

type Scope = Readonly<{ orgId: string; traceparent: string | null; tracing: Tracing }>

function readerOn(
  client: pg.PoolClient,
  sql: NodePgDatabase,
  { replan, tracing, ...scope }: Scope & { replan?: Replan }
): Reader {
  return {
    ...scope,
    sql,
    run: async <Row extends object>(asked: Asked<Row>, given: object) => {
      const { statement, parameters } = formOf(asked, { given, orgId: scope.orgId })
      replan?.('reads', parameters)
      try {
        return (await tracing.statement(statement, () => send(client, statement, parameters))).rows
      } catch (error) {
        throw named(error, statement)
      }
    }
  }
}

/** The driver's stack ends in the socket; the name says which statement it was. */
function named(error: unknown, { name }: Statement<object>): unknown {
  return error instanceof Error ? Object.assign(error, { statement: name }) : error
}

async function rollBack(client: pg.PoolClient): Promise<void> {
  forget(client)
  await send(client, rollback, [])
}

type Ending = Readonly<{ handle: Tx; finish: () => Promise<void>; end: () => Promise<void> }>

/** What a writing transaction hands out, and how it ends with what was asked for meanwhile. */
function txOn(client: pg.PoolClient, sql: NodePgDatabase, { limits, ...scope }: Scope & { limits: Limits }): Ending {
  const beforeCommit = nothingAsked()
  const afterCommit: (() => void)[] = []
  const written: Promise<unknown>[] = []
  const replan = createReplanning(client)
  const handleIn = (orgId: string, asked: Before): Tx => {
    return {
      ...readerOn(client, sql, { ...scope, orgId, replan }),
      writes: true,
      beforeCommit: (action) => void asked.first.push(action),
      decided: () => runFirst(asked),
      atEnd: (action) => void asked.last.push(action),
      afterCommit: (action) => void afterCommit.push(action),
      write: <Row extends object>(asked: Asked<Row>, given: object, read?: (rows: readonly Row[]) => void) => {
        const { statement, parameters } = formOf(asked, { given, orgId })
        replan(statement.name, parameters)
        // The server works on what is large while the next of it is made.
        const way = parameters.some((value) => value instanceof Buffer && value.length > LARGE_BYTES) ? send : sendWithNext
        const answered = scope.tracing
          .statement(statement, () => way(client, statement, parameters))
          .then(
            ({ rows }) => read?.(rows),
            (error: unknown) => {
              throw named(error, statement)
            }
          )
        answered.catch(() => undefined) // the end of the transaction tells
        written.push(answered)
      },
      attempt: async (work) => {
        await send(client, savepoint.set, [])
        const kept = written.length
        try {
          const part = nothingAsked()
          const result = await work(handleIn(orgId, part))
          await runAll(part)
          await send(client, savepoint.release, [])
          return result
        } catch (error) {
          if (isUnavailable(error)) throw error
          // In a packet of its own: what is left unsent of the work may fail, and all that is in its packet after it.
          flush(client)
          await send(client, savepoint.rollback, [])
          written.length = kept
          throw error
        }
      },
      inOrganization: async (other) => {
        await enter(client, starts.writing, { role: 'dunwell_app', orgId: other, limits })
        return handleIn(other, asked)
      }
    }
  }
  return {
    handle: handleIn(scope.orgId, beforeCommit),
    finish: () => runAll(beforeCommit),
    async end() {
      const [{ command }] = await Promise.all([scope.tracing.statement(commit, () => send(client, commit, [])), ...written])
      // A commit after a failed write is fulfilled with the tag ROLLBACK: without this a lost write would look kept.
      assert(command === 'COMMIT', `the transaction ended with ${command}`)
      for (const action of afterCommit) action()
    }
  }
}
