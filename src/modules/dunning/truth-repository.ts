import type { Reader } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'

/** Autopay, credit, a hold, an exemption, a part payment, who is to be left alone: whether a client may still be told of it takes a closer look. */
const doubtful = `(c.dunning_exempt_until_on is not null or i.dunning_start = 'off' or i.collection_method = 'autopay' or o.balance_minor <> o.amount_minor
  or exists (select from holds h where h.org_id = $1 and h.client_id = o.client_id)
  or exists (select from payments p where p.org_id = $1 and p.client_id = o.client_id and p.unapplied_minor > 0)
  or exists (select from contacts k where k.org_id = $1 and k.client_id = o.client_id and k.do_not_contact))`

export type EntryStanding = Readonly<{
  entryId: string
  obligationId: string
  clientId: string
  enteredAt: Date
  isMistaken: boolean
  isPaid: boolean
  isHeld: boolean
  hasMovedOn: boolean
  isDoubtful: boolean
}>

const selectEntries = statement<EntryStanding>(
  'dunning_truth.entries',
  `select e.id as "entryId", o.id as "obligationId", e.client_id as "clientId", e.entered_at as "enteredAt", e.mistaken_at is not null as "isMistaken", o.balance_minor = 0 as "isPaid",
     o.is_held as "isHeld", ${doubtful} or o.balance_minor <> e.balance_minor
       or (o.policy_id, o.policy_version) is distinct from (e.policy_id, e.policy_version) as "isDoubtful",
     o.cycle <> e.cycle or o.stage_code is distinct from e.stage_code or exists (
       select from stage_entries l where l.org_id = $1 and l.invoice_id = e.invoice_id and l.obligation_id = e.obligation_id
         and l.cycle = e.cycle and l.mistaken_at is null and l.entered_at > e.entered_at) as "hasMovedOn"
   from stage_entries e
   join obligations o on o.org_id = e.org_id and o.id = e.obligation_id
   join invoices i on i.org_id = e.org_id and i.id = e.invoice_id
   join clients c on c.org_id = e.org_id and c.id = e.client_id
   where e.org_id = $1 and e.id = any($2::uuid[])`
)

export function standingOfEntries(reader: Reader, entryIds: readonly string[]): Promise<EntryStanding[]> {
  return reader.run(selectEntries, [reader.orgId, entryIds])
}

export type ObligationStanding = Readonly<{
  id: string
  dueOn: Day
  balanceMinor: bigint
  stage: string | null
  isHeld: boolean
  isDoubtful: boolean
}>

const selectObligations = statement<ObligationStanding>(
  'dunning_truth.obligations',
  `select o.id, o.due_on as "dueOn", o.balance_minor as "balanceMinor", o.stage_code as stage, o.is_held as "isHeld",
     ${doubtful} or exists (
       select from stage_entries e where e.org_id = $1 and e.invoice_id = o.invoice_id and e.obligation_id = o.id and e.cycle = o.cycle
         and (o.policy_id, o.policy_version) is distinct from (e.policy_id, e.policy_version)) as "isDoubtful"
   from obligations o
   join invoices i on i.org_id = o.org_id and i.id = o.invoice_id
   join clients c on c.org_id = o.org_id and c.id = o.client_id
   where o.org_id = $1 and o.id = any($2::uuid[])`
)

export function standingOfObligations(reader: Reader, ids: readonly string[]): Promise<ObligationStanding[]> {
  return reader.run(selectObligations, [reader.orgId, ids])
}

const selectHoldsOf = statement<{ id: string }>(
  'dunning_truth.holds_of_entries',
  `select id from holds where org_id = $1 and client_id = $2 and origin_kind = 'stage_entry' and origin_id = any($3::uuid[])`
)

/**
 * Holds that came with these stage entries: a stage that hands its client over to others holds everything from then on, which is what
 * its notice says, and no reason not to say it.
 */
export async function holdsOfEntries(
  reader: Reader,
  { clientId, entryIds }: { clientId: string; entryIds: readonly string[] }
): Promise<ReadonlySet<string>> {
  return new Set((await reader.run(selectHoldsOf, [reader.orgId, clientId, entryIds])).map(({ id }) => id))
}

const selectHoldsSince = statement<{ id: string }>(
  'dunning_truth.holds_since',
  `select h.id from unnest($2::uuid[], $3::timestamptz[]) as t(client_id, at)
   join holds h on h.org_id = $1 and h.client_id = t.client_id and h.origin_kind = 'stage_entry'
   join stage_entries e on e.org_id = $1 and e.id = h.origin_id and e.entered_at = t.at`
)

/** The same of all stages that clients entered at these instants: one of them may have handed the client over. */
export async function holdsSince(
  reader: Reader,
  entered: readonly Readonly<{ clientId: string; at: Date }>[]
): Promise<ReadonlySet<string>> {
  const parameters = [entered.map(({ clientId }) => clientId), entered.map(({ at }) => at)]
  return new Set((await reader.run(selectHoldsSince, [reader.orgId, ...parameters])).map(({ id }) => id))
}

const selectLater = statement<{ clientId: string; currency: string; toldAt: Date }>(
  'dunning_truth.last_notices',
  `select client_id as "clientId", currency, max(told_at) as "toldAt" from dunning_notices
   where org_id = $1 and client_id = any($2::uuid[]) and told_at is not null group by client_id, currency`
)

/** Says of a notice to one of these clients whether the client was told anew since. */
export async function toldSince(
  reader: Reader,
  clientIds: readonly string[]
): Promise<(told: Readonly<{ clientId: string; at: Date; notice: Readonly<{ currency: string }> }>) => boolean> {
  const last = await reader.run(selectLater, [reader.orgId, clientIds])
  return ({ clientId, at, notice }) =>
    last.some((one) => one.clientId === clientId && one.currency === notice.currency && one.toldAt > at)
}
