import type { Day } from '../../kernel/day.ts'
import { storedCurrency } from '../../kernel/money.ts'
import { externalRefsOf } from '../references/reference.ts'
import type { DunningStart, ExternalRef, InvoiceView, Obligation } from './invoice.ts'
import type { InvoiceStatus, PaymentLink } from './table.ts'

/** Columns of an invoice with its references and its client's zone. */
export const invoiceColumns = `i.id, i.client_id as "clientId", i.number, i.currency, i.total_minor as "totalMinor", i.balance_minor as "balanceMinor",
  i.issued_on as "issuedOn", i.due_on as "dueOn", i.status, i.collection_method as "collectionMethod", i.dunning_start as "dunningStart",
  i.dunning_policy_id as "dunningPolicyId", i.payment_links as "paymentLinks", i.metadata, i.replaced_by_id as "replacedById",
  i.version, i.created_at as "createdAt", i.updated_at as "updatedAt", c.time_zone as "timeZone",
  ${externalRefsOf('i.id')} as refs`

/** The parts. One that was lowered to 0 is none any more; its entries are kept. */
export const obligationsJson = `(select json_agg(json_build_object('id', o.id, 'kind', o.kind, 'dueOn', o.due_on, 'amountMinor', o.amount_minor::text,
       'balanceMinor', o.balance_minor::text, 'cycle', o.cycle, 'overdueFromOn', o.overdue_from_on, 'overdueAnnounced', o.overdue_announced,
       'stageCode', o.stage_code, 'stageEnteredAt', o.stage_entered_at, 'nextStageCode', o.next_stage_code, 'nextEntryAt', o.next_entry_at, 'nextAt', o.next_at,
       'isHeld', o.is_held,       'policyId', o.policy_id, 'policyVersion', o.policy_version) order by o.due_on)
     from obligations o where o.org_id = i.org_id and o.invoice_id = i.id and o.amount_minor > 0)`

/** The same with its obligations, in one row. */
export const viewColumns = `${invoiceColumns}, ${obligationsJson} as obligations`

export const viewSource = 'invoices i join clients c on c.org_id = i.org_id and c.id = i.client_id'

export type ObligationJson = {
  id: string
  kind: 'invoice' | 'part'
  dueOn: Day
  amountMinor: string
  balanceMinor: string
  cycle: number
  overdueFromOn: Day
  overdueAnnounced: boolean
  stageCode: string | null
  stageEnteredAt: string | null
  nextStageCode: string | null
  nextEntryAt: string | null
  nextAt: string | null
  isHeld: boolean
  policyId: string | null
  policyVersion: number | null
}

export type InvoiceRow = {
  id: string
  clientId: string
  number: string
  currency: string
  totalMinor: bigint
  balanceMinor: bigint
  issuedOn: Day
  dueOn: Day
  status: InvoiceStatus
  collectionMethod: 'manual' | 'autopay'
  dunningStart: DunningStart
  dunningPolicyId: string | null
  paymentLinks: PaymentLink[]
  metadata: Record<string, string>
  replacedById: string | null
  version: number
  createdAt: Date
  updatedAt: Date
  timeZone: string | null
  refs: ExternalRef[]
}

export type ViewRow = InvoiceRow & { obligations: ObligationJson[] }

export function viewFromRow({ timeZone, refs, obligations, ...row }: ViewRow): InvoiceView {
  const invoice = { ...row, currency: storedCurrency(row.currency) }
  return { invoice, timeZone, externalRefs: refs, obligations: obligations.map((json) => obligationFrom(json, invoice)) }
}

export function obligationFrom(json: ObligationJson, invoice: Pick<Obligation, 'id' | 'clientId' | 'currency'>): Obligation {
  return {
    ...json,
    invoiceId: invoice.id,
    clientId: invoice.clientId,
    currency: invoice.currency,
    amountMinor: BigInt(json.amountMinor),
    balanceMinor: BigInt(json.balanceMinor),
    stageEnteredAt: json.stageEnteredAt === null ? null : new Date(json.stageEnteredAt),
    nextEntryAt: json.nextEntryAt === null ? null : new Date(json.nextEntryAt),
    nextAt: json.nextAt === null ? null : new Date(json.nextAt)
  }
}
