import { column } from '../../db/arrays.ts'
import type { Reader, Tx } from '../../db/client.ts'
import { inParts, mapInParts, ROWS_PER_WRITE } from '../../db/parts.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import { BEFORE_ALL_IDS } from '../../kernel/keyset.ts'
import { lockOrder } from '../clients/owned.ts'
import {
  type CaseRow,
  caseColumns,
  caseFromRow,
  caseSource,
  type OpenRow,
  openColumns,
  openFromRow,
  openSource
} from './case-rows.ts'
import type { DunningCase, DunningState, InvoiceView, OpenObligation } from './invoice.ts'
import { dunningColumns } from './repository.ts'
import { type ViewRow, viewColumns, viewFromRow, viewSource } from './rows.ts'

/**
 * Looks at the first due obligations in the order of their instants and locks their clients. Looks at more of them than
 * it locks, so that sweeps side by side find clients that none of them holds.
 */
const lockDueClients = (name: string, how: string) =>
  statement<{ id: string }>(
    `obligations.lock_due_clients_${name}`,
    `select c.id from clients c
     where c.org_id = $1 and c.id = any(array(
       select distinct due.client_id from (
         select o.client_id from obligations o where o.org_id = $1 and o.next_at <= $2 order by o.next_at limit $4) due))
     order by ${lockOrder} limit $3 for no key update ${how}`
  )
const lockWaiting = lockDueClients('waiting', '')
const lockSkipping = lockDueClients('skipping', 'skip locked')
const LOOK_AHEAD = 8
const CLAIM_ATTEMPTS = 20

const lockDue = statement<{ id: string }>(
  'obligations.lock_due',
  `select id from obligations where org_id = $1 and client_id = any($3::uuid[]) and next_at <= $2 order by id for no key update`
)
const selectDue = statement<CaseRow>(
  'obligations.due',
  `select ${caseColumns} from ${caseSource}
   where d.org_id = $1 and d.client_id = any($3::uuid[]) and d.next_at <= $2 order by d.due_on, d.id`
)
const lockCases = statement<{ id: string }>(
  'obligations.lock',
  `select id from obligations where org_id = $1 and id = any($2::uuid[]) order by id for no key update`
)
const selectCases = statement<CaseRow>(
  'obligations.cases',
  `select ${caseColumns} from ${caseSource} where d.org_id = $1 and d.id = any($2::uuid[]) order by d.due_on, d.id`
)
const selectDuePage = statement<CaseRow>(
  'obligations.due_page',
  `select ${caseColumns} from ${caseSource}
   where d.org_id = $1 and d.next_at <= $2 and (d.next_at, d.id) > (coalesce($3, '-infinity'::timestamptz), $4::uuid)
   order by d.next_at, d.id limit $5`
)
const selectOpen = statement<OpenRow>(
  'obligations.open_of_clients',
  `select ${openColumns} from ${openSource}
   where d.org_id = $1 and d.client_id = any($2::uuid[]) and d.balance_minor > 0
   order by d.due_on, i.issued_on, i.number collate "C", d.id`
)

/**
 * Locks up to `clients` clients that have an obligation due, then those obligations, and returns them. A plain FOR UPDATE
 * would collide with every uncommitted invoice, whose foreign key holds KEY SHARE. The obligations are locked too, because
 * `markDue` knows no clients: what it marks during a sweep must not be overwritten by what the sweep decided before.
 * @param wait false leaves what another sweep holds to that sweep; true waits for it.
 */
export async function claimDue(
  tx: Tx,
  { now, clients, wait }: { now: Date; clients: number; wait: boolean }
): Promise<DunningCase[]> {
  for (let attempt = 1; attempt <= CLAIM_ATTEMPTS; attempt += 1) {
    const locked = await tx.run(wait ? lockWaiting : lockSkipping, [tx.orgId, now, clients, clients * LOOK_AHEAD])
    if (locked.length === 0) return []
    const ids = column(
      'uuid',
      locked.map(({ id }) => id)
    )
    // Locked first and read then, in one trip: in one statement, what changed during the wait would be seen in part.
    const [, rows] = await Promise.all([tx.run(lockDue, [tx.orgId, now, ids]), tx.run(selectDue, [tx.orgId, now, ids])])
    // Clients whose obligations another sweep decided between the look and the lock: look again, now that it is committed.
    if (rows.length > 0) return rows.map(caseFromRow)
  }
  return []
}

export async function casesOf(reader: Reader, obligationIds: readonly string[]): Promise<DunningCase[]> {
  return (await reader.run(selectCases, [reader.orgId, obligationIds])).map(caseFromRow)
}

/** With the clients locked already. */
export async function casesForUpdate(tx: Tx, obligationIds: readonly string[]): Promise<DunningCase[]> {
  const ids = column('uuid', obligationIds)
  const [, rows] = await Promise.all([tx.run(lockCases, [tx.orgId, ids]), tx.run(selectCases, [tx.orgId, ids])])
  return mapInParts(rows, caseFromRow)
}

/** Due obligations in the order of their instants, without any lock: for deciding what a sweep would do. */
export async function duePage(
  reader: Reader,
  { now, after, limit }: { now: Date; after: DunningCase | undefined; limit: number }
): Promise<DunningCase[]> {
  const { nextAt, id } = after?.obligation ?? { nextAt: null, id: BEFORE_ALL_IDS }
  return (await reader.run(selectDuePage, [reader.orgId, now, nextAt, id, limit])).map(caseFromRow)
}

/** By due date. */
export async function openOfClients(reader: Reader, clientIds: readonly string[]): Promise<OpenObligation[]> {
  return (await reader.run(selectOpen, [reader.orgId, column('uuid', clientIds)])).map(openFromRow)
}

const writeStates = setStatement(
  'obligations.save_dunning',
  `with touched as (
     update invoices set version = version + 1, updated_at = $13 where org_id = $1 and id = any($14::uuid[])
   )
   update obligations o set overdue_from_on = t.overdue_from_on, overdue_announced = t.overdue_announced, stage_code = t.stage_code,
     stage_entered_at = t.stage_entered_at, next_stage_code = t.next_stage_code, next_entry_at = t.next_entry_at,
     next_at = t.next_at, is_held = t.is_held, policy_id = t.policy_id, policy_version = t.policy_version,
     parked_at = null
   from unnest($2::uuid[], $3::date[], $4::boolean[], $5::text[], $6::timestamptz[], $7::text[], $8::timestamptz[], $9::timestamptz[],
     $10::boolean[], $11::uuid[], $12::int[])
     as t(id, overdue_from_on, overdue_announced, stage_code, stage_entered_at, next_stage_code, next_entry_at, next_at, is_held, policy_id, policy_version)
   where o.org_id = $1 and o.id = t.id`
)

export type DunningWrite = Readonly<{
  states: readonly Readonly<{ obligationId: string; state: DunningState }>[]
  touchedInvoiceIds: readonly string[]
  at: Date
}>

export async function saveDunning(tx: Tx, { states, touchedInvoiceIds, at }: DunningWrite): Promise<void> {
  let touched = touchedInvoiceIds
  for await (const some of inParts(states, ROWS_PER_WRITE)) {
    const rows = some.map(({ obligationId, state }) => ({ ...state, obligationId }))
    const { statement: write, of } = setOf(writeStates, rows)
    const ids = of('uuid', ({ obligationId }) => obligationId)
    tx.write(write, [tx.orgId, ids, ...dunningColumns(of), at, column('uuid', touched)])
    touched = []
  }
}

const markOpen = (whose: string, condition: string) =>
  statement<{ id: string }>(
    `obligations.mark_due${whose}`,
    `update obligations o set next_at = $2, next_stage_code = null, next_entry_at = null from invoices i, clients c
     where o.org_id = $1 and o.balance_minor > 0 and i.org_id = $1 and i.id = o.invoice_id and c.org_id = $1 and c.id = o.client_id
       ${condition}`
  )
const markAll = markOpen('', '')
const markClients = markOpen('_of_client', 'and o.client_id = $3')
const markPolicys = markOpen(
  '_of_policy',
  `and (o.policy_id = $3 or (o.policy_id is null and $3 = coalesce(i.dunning_policy_id, c.dunning_policy_id,
     (select default_dunning_policy_id from organizations where org_id = $1))))`
)

/** Has the next sweep decide anew, and find the next stage of, what is open: everything, one client's, or what a policy applies to. */
export async function markDue(
  tx: Tx,
  { at, ...of }: Readonly<{ at: Date }> & (Readonly<{ clientId?: never; policyId?: string }> | Readonly<{ clientId: string }>)
): Promise<void> {
  if (of.clientId !== undefined) await tx.run(markClients, [tx.orgId, at, of.clientId])
  else if (of.policyId !== undefined) await tx.run(markPolicys, [tx.orgId, at, of.policyId])
  else await tx.run(markAll, [tx.orgId, at])
}

const following = `client_id = $2 and status = 'open' and dunning_policy_id is null`
const countFollowers = statement<{ count: number }>(
  'invoices.count_following',
  `select count(*)::int as count from invoices where org_id = $1 and ${following}`
)

/** How many open invoices without a policy of their own a client has. */
export async function countFollowing(reader: Reader, clientId: string): Promise<number> {
  const [row] = await reader.run(countFollowers, [reader.orgId, clientId])
  return row?.count ?? 0
}

const selectFollowers = statement<ViewRow>(
  'invoices.following',
  `select ${viewColumns} from ${viewSource} where i.org_id = $1 and i.id in (select id from invoices where org_id = $1 and ${following})`
)
const writeOwnPolicy = statement<{ id: string }>(
  'invoices.keep_policy',
  `update invoices set dunning_policy_id = $3, version = version + 1, updated_at = $4 where org_id = $1 and ${following}`
)

/** Gives a client's open invoices that have none a policy of their own. @returns how they were. The client is locked. */
export async function keepPolicy(
  tx: Tx,
  { clientId, policyId, at }: { clientId: string; policyId: string; at: Date }
): Promise<InvoiceView[]> {
  const [rows] = await Promise.all([
    tx.run(selectFollowers, [tx.orgId, clientId]),
    tx.run(writeOwnPolicy, [tx.orgId, clientId, policyId, at])
  ])
  return rows.map(viewFromRow)
}

const movePins = (whose: string, condition: string) =>
  statement<{ id: string }>(
    `obligations.move_pins_of_${whose}`,
    `update obligations o set policy_id = $2, policy_version = $3 from invoices i, clients c
     where o.org_id = $1 and o.balance_minor > 0 and o.policy_id <> $2 and i.org_id = $1 and i.id = o.invoice_id
       and i.dunning_policy_id is null and c.org_id = $1 and c.id = o.client_id and ${condition}`
  )
const moveOrganizations = movePins('organization', 'c.dunning_policy_id is null')
const moveClients = movePins('client', 'o.client_id = $4')

/**
 * Puts what is open, has entered a stage and follows the organization's default, or the client, on that policy. It raises no version:
 * nothing is decided yet, and the sweep, for which it is to be marked due, raises that of what it finds otherwise.
 */
export async function repinFollowing(tx: Tx, to: { policyId: string; version: number; clientId?: string }): Promise<void> {
  const { policyId, version, clientId } = to
  if (clientId === undefined) await tx.run(moveOrganizations, [tx.orgId, policyId, version])
  else await tx.run(moveClients, [tx.orgId, policyId, version, clientId])
}

const movePin = statement<{ id: string }>(
  'obligations.move_pin',
  'update obligations set policy_version = $3 where org_id = $1 and policy_id = $2 and policy_version <> $3'
)

/** Puts whatever stands on a version of the policy on another one. For versions of invoices, see `repinFollowing`. */
export async function repin(tx: Tx, to: { policyId: string; version: number }): Promise<void> {
  await tx.run(movePin, [tx.orgId, to.policyId, to.version])
}

const selectOrganizationsDue = statement<{ orgId: string }>(
  'obligations.organizations_due',
  `select o.org_id as "orgId" from organizations o
   where o.mode = 'live' and o.org_id > $2 and exists (select from obligations d where d.org_id = o.org_id and d.next_at <= $1)
   order by o.org_id limit $3`
)

/** Needs the scheduler's reader. Live organizations with something due, by id; a test organization follows its own clock. */
export async function organizationsDue(
  scheduler: Reader,
  { now, after, limit }: { now: Date; after: string; limit: number }
): Promise<string[]> {
  return (await scheduler.run(selectOrganizationsDue, [now, after, limit])).map(({ orgId }) => orgId)
}

const selectNextDue = statement<{ nextAt: Date | null }>(
  'obligations.next_due',
  `select min(next_at) as "nextAt" from obligations where org_id = $1 and next_at <= $2`
)

/** The earliest instant up to `until` at which something is to be decided. */
export async function nextDueAt(reader: Reader, until: Date): Promise<Date | null> {
  const [row] = await reader.run(selectNextDue, [reader.orgId, until])
  return row?.nextAt ?? null
}

const selectInvoiceIds = statement<{ id: string }>(
  'obligations.invoices',
  'select distinct invoice_id as id from obligations where org_id = $1 and id = any($2::uuid[])'
)

/** The invoices that these fall due of. */
export async function invoicesOf(reader: Reader, obligationIds: readonly string[]): Promise<string[]> {
  return (await reader.run(selectInvoiceIds, [reader.orgId, obligationIds])).map(({ id }) => id)
}

/** What dunning needs of obligations beside what it writes, which touches invoices. */
export const forDunning = {
  claimDue,
  casesOf,
  casesForUpdate,
  duePage,
  organizationsDue,
  repin,
  openOfClients,
  markDue,
  countFollowing,
  repinFollowing,
  nextDueAt,
  invoicesOf
}
