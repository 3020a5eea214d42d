import { column } from '../../db/arrays.ts'
import type { Reader, Tx } from '../../db/client.ts'
import { refusedBy } from '../../db/errors.ts'
import { mapInParts } from '../../db/parts.ts'
import type { ColumnOf } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Days } from '../organizations/organization.ts'
import type { DunningState, Invoice, InvoiceView } from './invoice.ts'
import { type ViewRow, viewColumns, viewFromRow, viewSource } from './rows.ts'

const selectView = statement<ViewRow>(
  'invoices.find',
  `select ${viewColumns} from ${viewSource} where i.org_id = $1 and i.id = $2`
)

const selectViews = statement<ViewRow>(
  'invoices.find_many',
  `select ${viewColumns} from ${viewSource} where i.org_id = $1 and i.id = any($2::uuid[])`
)

export async function find(reader: Reader, id: string): Promise<InvoiceView | undefined> {
  const [row] = await reader.run(selectView, [reader.orgId, id])
  return row && viewFromRow(row)
}

type PresentRow = ViewRow & { organizationTimeZone: string; clockAt: Date | null }

const selectPresent = statement<PresentRow>(
  'invoices.find_present',
  `select ${viewColumns}, g.time_zone as "organizationTimeZone", g.clock_at as "clockAt"
   from ${viewSource} join organizations g on g.org_id = i.org_id where i.org_id = $1 and i.id = $2`
)

/** The invoice with what says which day it is for it, in one statement: of all questions this one is asked most. */
export async function findPresent(
  reader: Reader,
  id: string
): Promise<Readonly<{ view: InvoiceView; organizationTimeZone: string; clockAt: Date | null }> | undefined> {
  const [found] = await reader.run(selectPresent, [reader.orgId, id])
  if (found === undefined) return undefined
  const { organizationTimeZone, clockAt, ...row } = found
  return { view: viewFromRow(row), organizationTimeZone, clockAt }
}

export async function findMany(reader: Reader, ids: readonly string[]): Promise<InvoiceView[]> {
  return mapInParts(await reader.run(selectViews, [reader.orgId, column('uuid', ids)]), viewFromRow)
}

const selectClients = statement<{ id: string; clientId: string }>(
  'invoices.clients_of',
  'select id, client_id as "clientId" from invoices where org_id = $1 and id = any($2::uuid[])'
)

/** Whose each invoice is. Those that do not exist are not among them. */
export async function clientsOf(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await reader.run(selectClients, [reader.orgId, ids])
  return new Map(rows.map(({ id, clientId }) => [id, clientId]))
}

export type InvoiceFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  status: string | null
  currency: string | null
  number: string | null
  overdue: boolean | null
  dueFromOn: string | null
  dueToOn: string | null
  updatedSince: Date | null
  /** Where it is asked what is overdue. */
  days: Days
}>

const selectPage = statement<ViewRow>(
  'invoices.page',
  `select ${viewColumns} from ${viewSource}
   where i.org_id = $1
     and ($3::timestamptz is null or (i.created_at, i.id) < ($3, $4::uuid))
     and ($5::uuid is null or i.client_id = $5)
     and ($6::text is null or i.status = $6)
     and ($7::text is null or i.currency = $7)
     and ($8::text is null or i.number = $8)
     and ($9::date is null or i.due_on >= $9)
     and ($10::date is null or i.due_on <= $10)
     and ($11::timestamptz is null or i.updated_at >= $11)
     and ($12::boolean is null or $12 = exists (select from obligations o where o.org_id = i.org_id and o.invoice_id = i.id
       and o.balance_minor > 0 and o.overdue_from_on <=
         coalesce((select z.today from unnest($14::text[], $15::date[]) as z(zone, today) where z.zone = c.time_zone), $13::date)))
   order by i.created_at desc, i.id desc limit $2`
)

export async function page(reader: Reader, filter: InvoiceFilter): Promise<InvoiceView[]> {
  const { limit, after, clientId, status, currency, number, dueFromOn, dueToOn, updatedSince, overdue, days } = filter
  const rows = await reader.run(selectPage, [
    reader.orgId,
    limit,
    after?.at ?? null,
    after?.id ?? null,
    clientId,
    status,
    currency,
    number,
    dueFromOn,
    dueToOn,
    updatedSince,
    overdue,
    days.today,
    days.zones,
    days.todays
  ])
  return rows.map(viewFromRow)
}

/** The columns that dunning keeps, in the order that the statements expect. */
export function dunningColumns(of: ColumnOf<DunningState>): unknown[] {
  return [
    of('date', (o) => o.overdueFromOn),
    of('bool', (o) => o.overdueAnnounced),
    of('text', (o) => o.stageCode),
    of('timestamptz', (o) => o.stageEnteredAt),
    of('text', (o) => o.nextStageCode),
    of('timestamptz', (o) => o.nextEntryAt),
    of('timestamptz', (o) => o.nextAt),
    of('bool', (o) => o.isHeld),
    of('uuid', (o) => o.policyId),
    of('int4', (o) => o.policyVersion)
  ]
}

const updateSettings = statement<{ id: string }>(
  'invoices.save',
  `update invoices set number = $3, total_minor = $4, balance_minor = $5, due_on = $6, status = $7, collection_method = $8, dunning_start = $9,
     dunning_policy_id = $10, payment_links = $11, metadata = $12, replaced_by_id = $13, version = $14, updated_at = $15
   where org_id = $1 and id = $2 returning id`
)

/** @throws DomainError `reference_not_found` for a dunning policy that does not exist. */
export async function save(tx: Tx, invoice: Invoice): Promise<void> {
  const i = invoice
  const written = tx.run(updateSettings, [
    tx.orgId,
    i.id,
    i.number,
    i.totalMinor,
    i.balanceMinor,
    i.dueOn,
    i.status,
    i.collectionMethod,
    i.dunningStart,
    i.dunningPolicyId,
    JSON.stringify(i.paymentLinks),
    JSON.stringify(i.metadata),
    i.replacedById,
    i.version,
    i.updatedAt
  ])
  await refusedBy(written, (constraint) =>
    constraint === 'invoices_policy'
      ? new DomainError('reference_not_found', 'There is no such dunning policy.', { pointer: '/dunning_policy_id' })
      : undefined
  )
}

const emptyOpen = statement<{ id: string }>(
  'obligations.empty',
  'update obligations set balance_minor = 0 where org_id = $1 and invoice_id = $2'
)

/** For an invoice that ends without money. The ledger entries that say so are the caller's. */
export async function emptyObligations(tx: Tx, invoiceId: string): Promise<void> {
  await tx.run(emptyOpen, [tx.orgId, invoiceId])
}
