import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { InstallmentStatus, PaymentPlan } from './plan.ts'
import type { StoredAcceptance } from './table.ts'

type InstallmentJson = Readonly<{
  dueOn: Day
  amountMinor: string
  paidMinor: string
  creditedMinor: string
  status: InstallmentStatus
  missedOn: Day | null
  toldSoon: boolean
  toldDue: boolean
}>

type Row = Omit<PaymentPlan, 'currency' | 'acceptance' | 'installments'> & {
  currency: string
  acceptance: StoredAcceptance | null
  installments: InstallmentJson[]
}

const columns = `p.id, p.client_id as "clientId", p.currency, p.covered_minor as "coveredMinor", p.discount_minor as "discountMinor", p.given_minor as "givenMinor",
  p.grace_days as "graceDays", p.break_after_missed as "breakAfterMissed", p.restores_service as "restoresService", p.expires_on as "expiresOn", p.status, p.acceptance,
  p.accepted_on as "acceptedOn", p.already, p.replaces_id as "replacesId", p.replaced_by_id as "replacedById",
  p.ended_on as "endedOn", p.end_reason as "endReason", p.note, p.version, p.created_at as "createdAt", p.updated_at as "updatedAt",
  array(select i.invoice_id::text from payment_plan_invoices i where i.org_id = p.org_id and i.plan_id = p.id order by i.invoice_id) as "invoiceIds",
  (select json_agg(json_build_object('dueOn', n.due_on, 'amountMinor', n.amount_minor::text, 'paidMinor', n.paid_minor::text, 'creditedMinor', n.credited_minor::text, 'status', n.status,
     'missedOn', n.missed_on, 'toldSoon', n.told_soon, 'toldDue', n.told_due) order by n.position)
   from installments n where n.org_id = p.org_id and n.plan_id = p.id) as installments`

const selectOne = statement<Row>('plans.find', `select ${columns} from payment_plans p where p.org_id = $1 and p.id = $2`)
const selectOfInvoices = statement<Row>(
  'plans.of_invoices',
  `select ${columns} from payment_plans p
   where p.org_id = $1 and p.status in ('proposed', 'active', 'completed', 'broken')
     and p.id = any(array(select plan_id from payment_plan_invoices where org_id = $1 and invoice_id = any($2::uuid[])))
   order by p.created_at, p.id`
)

export async function find(reader: Reader, id: string): Promise<PaymentPlan | undefined> {
  const [row] = await reader.run(selectOne, [reader.orgId, id])
  return row && fromRow(row)
}

/** Those that what happens to these invoices may concern, ended ones too. */
export async function ofInvoices(reader: Reader, invoiceIds: readonly string[]): Promise<PaymentPlan[]> {
  return (await reader.run(selectOfInvoices, [reader.orgId, invoiceIds])).map(fromRow)
}

const selectActiveOfClient = statement<Row>(
  'plans.active_of_client',
  `select ${columns} from payment_plans p where p.org_id = $1 and p.client_id = $2 and p.status = 'active' order by p.id`
)

export async function activeOfClient(reader: Reader, clientId: string): Promise<PaymentPlan[]> {
  return (await reader.run(selectActiveOfClient, [reader.orgId, clientId])).map(fromRow)
}

const selectOver = statement<{ id: string }>(
  'plans.over',
  `select plan_id as id from payment_plan_invoices
   where org_id = $1 and invoice_id = any(array(select invoice_id from obligations where org_id = $1 and id = any($2::uuid[]))) limit 1`
)

/** Whether any plan was ever made over what these obligations fall due of. */
export async function isOver(reader: Reader, obligationIds: readonly string[]): Promise<boolean> {
  return (await reader.run(selectOver, [reader.orgId, obligationIds])).length > 0
}

const selectActive = statement<{ planId: string; invoiceId: string }>(
  'plans.active_on',
  `select plan_id as "planId", invoice_id as "invoiceId" from payment_plan_invoices
   where org_id = $1 and invoice_id = any($2::uuid[]) and is_active order by invoice_id`
)

/** The active plans on these invoices. */
export function activeOn(reader: Reader, invoiceIds: readonly string[]): Promise<{ planId: string; invoiceId: string }[]> {
  return reader.run(selectActive, [reader.orgId, invoiceIds])
}

const updateGiven = statement<{ id: string }>(
  'plans.save_given',
  'update payment_plans set given_minor = $3 where org_id = $1 and id = $2'
)

export async function saveGiven(tx: Tx, { id, givenMinor }: { id: string; givenMinor: bigint }): Promise<void> {
  await tx.run(updateGiven, [tx.orgId, id, givenMinor])
}

const moveRow = statement<{ id: string }>(
  'plans.move',
  `with moved as (
     update payment_plan_invoices m set invoice_id = $3 from payment_plans p
     where m.org_id = $1 and m.invoice_id = $2 and p.org_id = m.org_id and p.id = m.plan_id and p.status in ('proposed', 'active')
       and not exists (select from payment_plan_invoices other where other.org_id = $1 and other.invoice_id = $3
         and (other.is_active and m.is_active or other.plan_id = m.plan_id))
     returning m.plan_id
   )
   update payment_plans set version = version + 1, updated_at = $4 where org_id = $1 and id in (select plan_id from moved) returning id`
)

/** A plan over an invoice is one over what replaces it, unless that has a plan of its own. @returns what moved. */
export async function moveInvoice(tx: Tx, { from, to, at }: { from: string; to: string; at: Date }): Promise<string[]> {
  return (await tx.run(moveRow, [tx.orgId, from, to, at])).map(({ id }) => id)
}

const insertRow = statement<{ id: string }>(
  'plans.insert',
  `with made as (
     insert into payment_plans (org_id, id, client_id, currency, covered_minor, discount_minor, grace_days, break_after_missed, expires_on, status,
       already, replaces_id, note, version, created_at, updated_at, restores_service)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'proposed', '{}', $10, $11, 1, $12, $12, $16)
   ), covered as (
     insert into payment_plan_invoices (org_id, plan_id, invoice_id, is_active) select $1, $2, invoice_id, false from unnest($13::uuid[]) as t(invoice_id)
   )
   insert into installments (org_id, plan_id, position, due_on, amount_minor, paid_minor, status, told_soon, told_due)
   select $1, $2, position, due_on, amount, 0, 'upcoming', false, false
   from unnest($14::date[], $15::bigint[]) with ordinality as t(due_on, amount, position)`
)

export async function insert(tx: Tx, p: PaymentPlan): Promise<void> {
  await tx.run(insertRow, [
    tx.orgId,
    p.id,
    p.clientId,
    p.currency,
    p.coveredMinor,
    p.discountMinor,
    p.graceDays,
    p.breakAfterMissed,
    p.expiresOn,
    p.replacesId,
    p.note,
    p.createdAt,
    p.invoiceIds,
    p.installments.map(({ dueOn }) => dueOn),
    p.installments.map(({ amountMinor }) => amountMinor),
    p.restoresService
  ])
}

const updateRow = statement<{ id: string }>(
  'plans.save',
  `with covered as (
     update payment_plan_invoices set is_active = ($3 = 'active') where org_id = $1 and plan_id = $2 and is_active <> ($3 = 'active')
   ), parts as (
     update installments n set paid_minor = t.paid, credited_minor = t.credited, status = t.status, missed_on = t.missed_on, told_soon = t.told_soon, told_due = t.told_due
     from unnest($12::bigint[], $13::text[], $14::date[], $15::boolean[], $16::boolean[], $17::bigint[]) with ordinality
       as t(paid, status, missed_on, told_soon, told_due, credited, position)
     where n.org_id = $1 and n.plan_id = $2 and n.position = t.position
   )
   update payment_plans set status = $3, acceptance = $4, accepted_on = $5, already = $6, replaced_by_id = $7, ended_on = $8,
     end_reason = $9, version = $10, updated_at = $11
   where org_id = $1 and id = $2`
)

export async function save(tx: Tx, p: PaymentPlan): Promise<void> {
  await tx.run(updateRow, [
    tx.orgId,
    p.id,
    p.status,
    p.acceptance && JSON.stringify(p.acceptance),
    p.acceptedOn,
    p.already,
    p.replacedById,
    p.endedOn,
    p.endReason,
    p.version,
    p.updatedAt,
    p.installments.map(({ paidMinor }) => paidMinor),
    p.installments.map(({ status }) => status),
    p.installments.map(({ missedOn }) => missedOn),
    p.installments.map(({ toldSoon }) => toldSoon),
    p.installments.map(({ toldDue }) => toldDue),
    p.installments.map(({ creditedMinor }) => creditedMinor)
  ])
}

export type PlanFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  status: string | null
  updatedSince: Date | null
}>

const selectPage = statement<Row>(
  'plans.page',
  `select ${columns} from payment_plans p
   where p.org_id = $1 and ($3::timestamptz is null or (p.created_at, p.id) < ($3, $4::uuid))
     and ($5::uuid is null or p.client_id = $5)
     and ($6::uuid is null or exists (select from payment_plan_invoices i where i.org_id = p.org_id and i.plan_id = p.id and i.invoice_id = $6))
     and ($7::text is null or p.status = $7) and ($8::timestamptz is null or p.updated_at >= $8)
   order by p.created_at desc, p.id desc limit $2`
)

export async function page(reader: Reader, filter: PlanFilter): Promise<PaymentPlan[]> {
  const { limit, after, clientId, invoiceId, status, updatedSince } = filter
  const parameters = [limit, after?.at ?? null, after?.id ?? null, clientId, invoiceId, status, updatedSince]
  return (await reader.run(selectPage, [reader.orgId, ...parameters])).map(fromRow)
}

function fromRow(row: Row): PaymentPlan {
  return {
    ...row,
    currency: storedCurrency(row.currency),
    acceptance: row.acceptance && { ...row.acceptance, at: new Date(row.acceptance.at) },
    installments: row.installments.map((one) => ({
      ...one,
      amountMinor: BigInt(one.amountMinor),
      paidMinor: BigInt(one.paidMinor),
      creditedMinor: BigInt(one.creditedMinor)
    }))
  }
}
