import type pg from 'pg'
import { send } from './packet.ts'
import { type Statement, statement } from './statement.ts'

type Start = Readonly<{ begin: Statement<object>; scope: Statement<object> }>

const scope = `set_config('role', $1, true), set_config('dunwell.org_id', $2, true)`
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
type Begin = Readonly<{ start: Start; role: Role; orgId: string }>

/** Sent without waiting: the first queries of the work travel in the same packet. The caller awaits what this returns. */
export function begin(client: pg.PoolClient, { start, role, orgId }: Begin): Promise<unknown> {
  const begun = Promise.all([send(client, start.begin, []), send(client, start.scope, [role, orgId])])
  begun.catch(() => undefined)
  return begun
}
