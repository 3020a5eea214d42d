import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { Hold, HoldOrigin } from './hold.ts'

type Row = Omit<Hold, 'origin' | 'part' | 'partOf'> & {
  originKind: HoldOrigin['kind'] | null
  originId: string | null
  amountMinor: bigint | null
  currency: string | null
  /** In the order of the invoices. */
  partMinors: string[]
}

const columns = `h.id, h.client_id as "clientId", h.scope, h.reason, h.resume, h.from_on as "fromOn", h.until_on as "untilOn",
  h.amount_minor as "amountMinor", h.currency, h.restores_service as "restoresService", h.note, h.origin_kind as "originKind", h.origin_id as "originId",
  h.released_at as "releasedAt", h.released_on as "releasedOn", h.release_reason as "releaseReason", h.review_due_at as "reviewDueAt", h.version,
  h.created_at as "createdAt", h.updated_at as "updatedAt",
  coalesce((select array_agg(i.invoice_id::text order by i.invoice_id) from hold_invoices i where i.org_id = h.org_id and i.hold_id = h.id), '{}')
    as "invoiceIds",
  coalesce((select array_agg(coalesce(i.amount_minor, h.amount_minor)::text order by i.invoice_id) from hold_invoices i
    where i.org_id = h.org_id and i.hold_id = h.id and h.amount_minor is not null), '{}') as "partMinors"`

const selectOne = statement<Row>('holds.find', `select ${columns} from holds h where h.org_id = $1 and h.id = $2`)
const selectAny = statement<{ id: string }>(
  'holds.any_of_clients',
  'select id from holds where org_id = $1 and client_id = any($2::uuid[]) limit 1'
)
const selectOfClients = statement<Row>(
  'holds.of_clients',
  `select ${columns} from holds h where h.org_id = $1 and h.client_id = any($2::uuid[]) order by h.created_at, h.id`
)
const selectOfOrigin = statement<Row>(
  'holds.of_origin',
  `select ${columns} from holds h where h.org_id = $1 and h.origin_id = $2 and h.origin_kind = $3 and h.released_at is null order by h.id`
)

export async function find(reader: Reader, id: string): Promise<Hold | undefined> {
  const [row] = await reader.run(selectOne, [reader.orgId, id])
  return row && fromRow(row)
}

/** All there ever were, oldest first. Most clients never had one, and to learn that is a third of the work of showing them. */
export async function ofClients(reader: Reader, clientIds: readonly string[]): Promise<Hold[]> {
  if ((await reader.run(selectAny, [reader.orgId, clientIds])).length === 0) return []
  return (await reader.run(selectOfClients, [reader.orgId, clientIds])).map(fromRow)
}

/** Those still in force that this agreement placed. */
export async function ofOrigin(reader: Reader, { kind, id }: HoldOrigin): Promise<Hold[]> {
  return (await reader.run(selectOfOrigin, [reader.orgId, id, kind])).map(fromRow)
}

const insertRow = statement<{ id: string }>(
  'holds.insert',
  `with placed as (
     insert into holds (org_id, id, client_id, scope, reason, resume, from_on, until_on, amount_minor, currency, stops_fees, note, origin_kind,
       origin_id, version, created_at, updated_at, restores_service)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false, $11, $12, $13, 1, $14, $14, $16)
   )
   insert into hold_invoices (org_id, hold_id, invoice_id, amount_minor)
   select $1, $2, t.* from unnest($15::uuid[], $17::bigint[]) as t(invoice_id, amount_minor)`
)

export async function insert(tx: Tx, h: Hold): Promise<void> {
  await tx.run(insertRow, [
    tx.orgId,
    h.id,
    h.clientId,
    h.scope,
    h.reason,
    h.resume,
    h.fromOn,
    h.untilOn,
    h.part?.minor ?? null,
    h.part?.currency ?? null,
    h.note,
    h.origin?.kind ?? null,
    h.origin?.id ?? null,
    h.createdAt,
    h.invoiceIds,
    h.restoresService,
    h.invoiceIds.map((id) => h.partOf.get(id) ?? null)
  ])
}

const updateRow = statement<{ id: string }>(
  'holds.save',
  `update holds set until_on = $3, released_at = $4, released_on = $5, release_reason = $6, version = $7, updated_at = $8
   where org_id = $1 and id = $2`
)

export async function save(tx: Tx, h: Hold): Promise<void> {
  await tx.run(updateRow, [tx.orgId, h.id, h.untilOn, h.releasedAt, h.releasedOn, h.releaseReason, h.version, h.updatedAt])
}

const updateReview = statement<{ id: string }>(
  'holds.save_review',
  'update holds set review_due_at = $3, version = $4, updated_at = $5 where org_id = $1 and id = $2'
)

export async function saveReview(tx: Tx, { id, reviewDueAt, version, updatedAt }: Hold): Promise<void> {
  await tx.run(updateReview, [tx.orgId, id, reviewDueAt, version, updatedAt])
}

const selectNeeded = statement<{ id: string }>(
  'holds.needed',
  `select h.id from holds h where h.org_id = $1 and h.id = any($2::uuid[]) and exists (
     select from obligations o join invoices i on i.org_id = $1 and i.id = o.invoice_id
     where o.org_id = $1 and o.client_id = h.client_id and o.balance_minor > 0
       and case when h.scope = 'client' then (i.created_at, i.id) < (h.created_at, h.id)
         else exists (select from hold_invoices n where n.org_id = $1 and n.hold_id = h.id and n.invoice_id = i.id) end)`
)

/** Those of them of which something is open that they were placed for; see `isPlacedFor`. */
export async function neededAmong(reader: Reader, ids: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await reader.run(selectNeeded, [reader.orgId, ids])).map(({ id }) => id))
}

const updateParts = statement<{ id: string }>(
  'holds.save_parts',
  `with parts as (
     update hold_invoices i set amount_minor = t.minor from unnest($5::uuid[], $6::bigint[]) as t(invoice_id, minor)
     where i.org_id = $1 and i.hold_id = $2 and i.invoice_id = t.invoice_id
   )
   update holds set amount_minor = $3, version = $4, updated_at = $7 where org_id = $1 and id = $2`
)

/** How much of each of its invoices is held from now on. */
export async function saveParts(tx: Tx, { id, part, partOf, version, updatedAt }: Hold): Promise<void> {
  await tx.run(updateParts, [tx.orgId, id, part?.minor ?? null, version, [...partOf.keys()], [...partOf.values()], updatedAt])
}

const moveRow = statement<{ id: string }>(
  'holds.move',
  `with moved as (
     update hold_invoices m set invoice_id = $3 from holds h
     where m.org_id = $1 and m.invoice_id = $2 and h.org_id = m.org_id and h.id = m.hold_id and h.released_at is null
       and (h.origin_id is null or h.origin_id = any($4::uuid[]))
       and not exists (select from hold_invoices other where other.org_id = $1 and other.hold_id = m.hold_id and other.invoice_id = $3)
     returning m.hold_id
   )
   update holds set version = version + 1, updated_at = $5 where org_id = $1 and id in (select hold_id from moved) returning id`
)

type Moving = Readonly<{ from: string; to: string; at: Date }>

/** What was placed by hand on an invoice, and by the agreements that moved, holds the one that replaces it. */
export async function moveInvoice(tx: Tx, { from, to, at, origins }: Moving & { origins: readonly string[] }): Promise<void> {
  await tx.run(moveRow, [tx.orgId, from, to, origins, at])
}

export type HoldFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  reason: string | null
  isActive: boolean | null
  updatedSince: Date | null
}>

const selectPage = statement<Row>(
  'holds.page',
  `select ${columns} from holds h
   where h.org_id = $1 and ($3::timestamptz is null or (h.created_at, h.id) < ($3, $4::uuid))
     and ($5::uuid is null or h.client_id = $5)
     and ($6::uuid is null or exists (select from hold_invoices i where i.org_id = h.org_id and i.hold_id = h.id and i.invoice_id = $6))
     and ($7::text is null or h.reason = $7) and ($8::boolean is null or $8 = (h.released_at is null))
     and ($9::timestamptz is null or h.updated_at >= $9)
   order by h.created_at desc, h.id desc limit $2`
)

export async function page(reader: Reader, filter: HoldFilter): Promise<Hold[]> {
  const { limit, after, clientId, invoiceId, reason, isActive, updatedSince } = filter
  const parameters = [limit, after?.at ?? null, after?.id ?? null, clientId, invoiceId, reason, isActive, updatedSince]
  return (await reader.run(selectPage, [reader.orgId, ...parameters])).map(fromRow)
}

function fromRow({ originKind, originId, amountMinor, currency: code, partMinors, ...row }: Row): Hold {
  return {
    ...row,
    part: amountMinor === null || code === null ? null : { minor: amountMinor, currency: storedCurrency(code) },
    partOf: new Map(
      row.invoiceIds.flatMap((id, index) => (partMinors[index] === undefined ? [] : [[id, BigInt(partMinors[index])]]))
    ),
    origin: originKind === null || originId === null ? null : { kind: originKind, id: originId }
  }
}
