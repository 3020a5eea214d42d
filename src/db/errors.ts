import { DrizzleQueryError } from 'drizzle-orm/errors'

const READ_ONLY = '25006'

/** The database did not answer. The edge says 503 with Retry-After; the cause is logged and never sent. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'

  constructor(cause: unknown) {
    super('The database does not answer.', { cause })
  }
}

const UNAVAILABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOENT',
  '53300', // too_many_connections
  '26000', // a prepared statement that is not there: a pooler forgot it
  '25P03', // idle_in_transaction_session_timeout
  READ_ONLY // a standby, or a primary that has become one: another connection may lead to the new one
])
/** Of these classes, `57P` is what an operator does to a server, and `08` what becomes of a connection. */
const UNAVAILABLE_CLASS = /^(57P|08)/
/** No space or memory, and what the system under the server refuses it. */
const PASSING_CLASS = /^(53|58)/
const LOST = /connection terminated|connection error|not queryable|timeout exceeded when trying to connect|query read timeout/i

/** What decided which rows to lock changed while the lock was waited for. The transaction is done again, as after a deadlock. */
export class LockOutdated extends Error {
  override readonly name = 'LockOutdated'
  readonly code = '40001'
}

/** Serialization failures and deadlocks: the same work, done again, is likely to pass. */
export function isRetryable(error: unknown): boolean {
  const code = databaseError(error)?.code
  return code === '40001' || code === '40P01'
}

export function isLockTimeout(error: unknown): boolean {
  return databaseError(error)?.code === '55P03'
}

/** The default partition holds a row that belongs to the one being made. What a table's own check refuses names its constraint. */
export function isOfOtherPartition(error: unknown): boolean {
  return sqlStateOf(error) === '23514' && brokenConstraint(error) === undefined
}

/** It took longer than a statement may, or somebody ended it. In a job it is the work that is too much, and will be at another time. */
export function isStatementTimeout(error: unknown): boolean {
  return databaseError(error)?.code === '57014'
}

export function isReadOnly(error: unknown): boolean {
  return databaseError(error)?.code === READ_ONLY
}

/** It would pass at another time, whatever was asked for: no space, no memory, a lock that is held. */
export function isPassing(error: unknown): boolean {
  const code = databaseError(error)?.code
  return code !== undefined && (PASSING_CLASS.test(code) || isLockTimeout(error) || isRetryable(error))
}

/** A column, table or function is not there, or the role may not use it: the schema is of another release, and this work cannot be done. */
export function isOfAnotherSchema(error: unknown): boolean {
  return databaseError(error)?.code?.startsWith('42') === true
}

/** It passes by itself: with time, or once everything runs one release. */
export function passesByItself(error: unknown): boolean {
  return isPassing(error) || isOfAnotherSchema(error)
}

export function isUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true
  const code = databaseError(error)?.code
  if (code !== undefined) return UNAVAILABLE.has(code) || UNAVAILABLE_CLASS.test(code)
  return rootOf(error) instanceof Error && LOST.test(rootOf(error).message)
}

/** The server cannot do what it is there for, and this connection to it is used no more. What others hold, they give back. */
export function spoilsConnection(error: unknown): boolean {
  const isOfOthers = isLockTimeout(error) || isRetryable(error)
  return isUnavailable(error) || isStatementTimeout(error) || (isPassing(error) && !isOfOthers)
}

/** The five characters by which the server names a kind of error. */
export const sqlStateOf = (error: unknown): string | undefined => databaseError(error)?.code

/** Where a database that gives no connection was looked for, and why it gives none. No user and no password. */
export function unreachable(error: unknown, { url, setting }: { url: string; setting: string }): Error {
  const { hostname, port } = new URL(url)
  const root = rootOf(error)
  // Of a name with several addresses each refuses by itself.
  const why = root instanceof AggregateError ? root.errors.map(({ message }: Error) => message).join(', ') : root.message
  return new Error(`The database at ${hostname}:${port || 5432} (${setting}) gives no connection: ${why}`, { cause: error })
}

/** The name of the constraint that a write broke, for the repository that owns it to turn into a refusal. */
export function brokenConstraint(error: unknown): string | undefined {
  return databaseError(error)?.constraint
}

/**
 * Waits for a write.
 * @param refusalOf what to throw for the constraint that it broke; undefined for one that no caller should have been able to break.
 */
export async function refusedBy<T>(write: PromiseLike<T>, refusalOf: (constraint: string) => Error | undefined): Promise<T> {
  try {
    return await write
  } catch (error) {
    const constraint = brokenConstraint(error)
    throw (constraint === undefined ? undefined : refusalOf(constraint)) ?? error
  }
}

/** The same without Drizzle's wrappers, whose messages hold SQL with its parameters: for what is logged or printed. */
export function withoutQueries(error: unknown): unknown {
  if (!(error instanceof Error) || error.cause === undefined) return error
  const cause = withoutQueries(error.cause)
  if (error instanceof DrizzleQueryError) return cause
  return cause === error.cause ? error : Object.create(error, { cause: { value: cause } })
}

type WithCode = { code?: string; constraint?: string }

/** Drizzle wraps the driver's error in one whose message holds SQL and parameters; the driver's is its cause. */
function databaseError(error: unknown): WithCode | undefined {
  const root = rootOf(error)
  return 'code' in root && typeof root.code === 'string' ? (root as WithCode) : undefined
}

function rootOf(error: unknown): Error {
  let current = error
  while (current instanceof Error && current.cause instanceof Error) current = current.cause
  return current instanceof Error ? current : new Error(String(current))
}
