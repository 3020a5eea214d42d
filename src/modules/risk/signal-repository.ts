import type { Reader } from '../../db/client.ts'
import { forIds, idsStatement } from '../../db/statement.ts'
import { type Day, dayFromEpochDay, epochDayOf, startOfDay } from '../../kernel/day.ts'
import { noSignals, SIGNAL_DAYS, type Signals } from './assumptions.ts'
import type { EpochDay } from './invoice-facts.ts'

type Row = { clientId: string; kind: 'broken_promise' | 'returned_payment' | 'never_answered'; day: Day | null }

// An attempt counts as answered by anything that shows the client heard it, at any time in the window.
const select = idsStatement<Row>(
  'risk_signals.of_clients',
  `select client_id as "clientId", 'broken_promise' as kind, ended_on as day from promises
   where org_id = $1 and client_id = any($2::uuid[]) and status = 'broken' and ended_on < $3::date and ended_on >= $3::date - $4::int
   union all
   select distinct client_id, 'returned_payment', null::date from payments
   where org_id = $1 and client_id = any($2::uuid[]) and status = 'reversed' and reversal_reason in ('bounced', 'charged_back')
     and reversed_on < $3::date and reversed_on >= $3::date - $4::int
   union all
   select client_id, 'never_answered', null::date from interactions
   where org_id = $1 and client_id = any($2::uuid[]) and kind <> 'note' and occurred_at < $5::timestamptz
     and occurred_at >= $5::timestamptz - make_interval(days => $4::int)
   group by client_id
   having bool_or(outcome = 'no_answer')
     and not coalesce(bool_or(direction = 'inbound' or outcome not in ('no_answer', 'sent', 'delivered', 'bounced', 'suppressed')), false)`
)

/** What is known of a client besides its ledger when a day starts in the zone, by client id; an open dispute is the invoice's to say. */
export async function signalsOf(
  reader: Reader,
  { clientIds, day, timeZone }: { clientIds: readonly string[]; day: EpochDay; timeZone: string }
): Promise<(clientId: string) => Signals> {
  const found = new Map<string, Signals>()
  const [by, parameter] = forIds(select, clientIds)
  const today = dayFromEpochDay(day)
  const rows = await reader.run(by, [reader.orgId, parameter, today, SIGNAL_DAYS, startOfDay(today, timeZone)])
  for (const { clientId, kind, day: on } of rows) {
    const before = found.get(clientId) ?? noSignals
    const brokenPromisesOn = on === null ? before.brokenPromisesOn : [...before.brokenPromisesOn, epochDayOf(on)]
    const hasReturnedPayment = before.hasReturnedPayment || kind === 'returned_payment'
    const hasNeverAnswered = before.hasNeverAnswered || kind === 'never_answered'
    found.set(clientId, { ...before, brokenPromisesOn, hasReturnedPayment, hasNeverAnswered })
  }
  return (clientId) => found.get(clientId) ?? noSignals
}
