import type pg from 'pg'
import { lengthOf } from './arrays.ts'
import { send } from './packet.ts'
import { type Statement, statement } from './statement.ts'

/** From so many rows on, how a statement is planned matters more than what planning it takes. */
const MANY = 500
const GROWTH = 4

const ordinary = statement<object>(
  'transaction.plans_ordinary',
  `select set_config('plan_cache_mode', 'auto', true), set_config('enable_seqscan', 'on', true)`
)
const discard = statement<object>('transaction.plans_discard', 'discard plans')

/** @param countedWith what the rows are counted with */
export type Replan = (countedWith: string, parameters: readonly unknown[]) => void

/**
 * A connection keeps its plans, those too by which PostgreSQL checks foreign keys. They were made by what the tables looked like: of one
 * that was empty any index of the organization looks as good as that of the key, and for the ten thousandth row of one transaction each
 * check reads ten thousand. Nobody else sees these rows, so no statistics come to the rescue. Before a transaction names or writes many
 * rows, and again when there are a multiple of them, it therefore plans by what there is now.
 *
 * @returns what is told of each statement before it is sent.
 */
export function createReplanning(client: pg.PoolClient): Replan {
  const counts = new Map<string, number>()
  const go = (how: Statement<object>) => void send(client, how, []).catch(() => undefined) // what comes after it fails with the same
  return (countedWith, parameters) => {
    const rows = rowsOf(parameters)
    if (rows < MANY) return
    const before = counts.get(countedWith) ?? 0
    if (counts.size === 0) go(ordinary)
    counts.set(countedWith, before + rows)
    if (before === 0 || timesGrown(before) < timesGrown(before + rows)) go(discard)
  }
}

const timesGrown = (rows: number) => Math.floor(Math.log(rows / MANY) / Math.log(GROWTH))

/** Those of the longest list. */
function rowsOf(parameters: readonly unknown[]): number {
  let most = 0
  for (const value of parameters) {
    if (value instanceof Buffer) most = Math.max(most, lengthOf(value))
    else if (Array.isArray(value)) most = Math.max(most, value.length)
  }
  return most
}
