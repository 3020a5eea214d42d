import type pg from 'pg'
import { send } from './packet.ts'
import { type Statement, statement } from './statement.ts'

type Start = Readonly<{ begin: Statement<object>; scope: Statement<object> }>

/** All of it ends with the transaction: behind a pooler, the next one on this connection may be somebody else's. */
const scope = `set_config('role', $1, true), set_config('dunwell.org_id', $2, true), set_config('statement_timeout', $3, true),
  set_config('lock_timeout', $4, true), set_config('idle_in_transaction_session_timeout', '60s', true)`
const beginWriting = statement<object>('transaction.begin', 'begin')
const scopeOnly = statement<object>('transaction.scope', `select ${scope}`)
export const starts = {
  writing: { begin: beginWriting, scope: scopeOnly },
  // A statement with a list of ids would be planned anew each time it runs, for the plan of this list always looks cheaper than that
  // of any list. A plan that is kept may have been made while a table was empty, so it goes by an index, whatever that looked like.
  writingLittle: {
    begin: beginWriting,
    scope: statement<object>(
      'transaction.scope_little',
      `select ${scope}, set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)`
    )
  },
  // An answer is of one moment, however many statements it takes: what commits between two of them is in neither.
  reading: {
    begin: statement<object>('transaction.begin_read_only', 'begin isolation level repeatable read read only'),
    scope: scopeOnly
  }
} satisfies Record<string, Start>

export type Role = 'dunwell_app' | 'dunwell_scheduler'
/** How long a statement may take, and wait for a lock. */
export type Limits = Readonly<{ statementMs: number; lockMs: number }>
type Begin = Readonly<{ start: Start; role: Role; orgId: string; limits: Limits }>

/** Sent without waiting: the first queries of the work travel in the same packet. The caller awaits what this returns. */
export function begin(client: pg.PoolClient, { start, ...scope }: Begin): Promise<unknown> {
  const begun = Promise.all([send(client, start.begin, []), enter(client, start, scope)])
  begun.catch(() => undefined)
  return begun
}

/** Takes the transaction that is under way into a scope. */
export function enter(client: pg.PoolClient, start: Start, { role, orgId, limits }: Omit<Begin, 'start'>): Promise<unknown> {
  return send(client, start.scope, [role, orgId, limits.statementMs, limits.lockMs])
}
