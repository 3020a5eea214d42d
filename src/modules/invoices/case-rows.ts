import type { Day } from '../../kernel/day.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { DunningCase, Obligation, OpenObligation } from './invoice.ts'
import { type InvoiceRow, invoiceColumns, type ObligationJson, obligationFrom, obligationsJson, viewSource } from './rows.ts'

/** An obligation `d` in plain columns: as JSON, writing and reading it would cost a sweep more than deciding it. */
const obligationColumns = `d.id as "obligationId", d.invoice_id as "invoiceId", d.client_id as "clientId", d.kind, d.due_on as "partDueOn",
  d.currency, d.amount_minor as "amountMinor", d.balance_minor as "openMinor", d.cycle, d.overdue_from_on as "overdueFromOn",
  d.overdue_announced as "overdueAnnounced", d.stage_code as "stageCode", d.stage_entered_at as "stageEnteredAt",
  d.next_stage_code as "nextStageCode", d.next_entry_at as "nextEntryAt", d.next_at as "nextAt", d.is_held as "isHeld", d.policy_id as "policyId", d.policy_version as "policyVersion"`

/** Only an invoice that is due in parts has more obligations than the one that the row is about. */
export const caseColumns = `${invoiceColumns}, ${obligationColumns}, c.dunning_policy_id as "clientPolicyId",
  c.dunning_exempt_until_on as "clientExemptUntilOn", case when d.kind = 'part' then ${obligationsJson} end as parts`
export const caseSource = `obligations d join ${viewSource.replace('invoices i', 'invoices i on i.org_id = d.org_id and i.id = d.invoice_id')}`

export const openColumns = `${obligationColumns}, i.number, i.dunning_start as "dunningStart", i.collection_method as "collectionMethod"`
export const openSource = 'obligations d join invoices i on i.org_id = d.org_id and i.id = d.invoice_id'

type ObligationRow = Omit<Obligation, 'id' | 'dueOn' | 'balanceMinor' | 'currency'> & {
  obligationId: string
  partDueOn: Day
  openMinor: bigint
  currency: string
}

export type OpenRow = ObligationRow & Pick<OpenObligation, 'number' | 'dunningStart' | 'collectionMethod'>

export type CaseRow = InvoiceRow &
  ObligationRow & { clientPolicyId: string | null; clientExemptUntilOn: Day | null; parts: ObligationJson[] | null }

export function openFromRow(row: OpenRow): OpenObligation {
  const { number, dunningStart, collectionMethod } = row
  return { ...obligationOf(row), number, dunningStart, collectionMethod }
}

export function caseFromRow(row: CaseRow): DunningCase {
  const invoice = invoiceOf(row)
  const obligation = obligationOf(row)
  const obligations = row.parts?.map((json) => obligationFrom(json, invoice)) ?? [obligation]
  const view = { invoice, timeZone: row.timeZone, externalRefs: row.refs, obligations }
  return { obligation, view, client: { dunningPolicyId: row.clientPolicyId, dunningExemptUntilOn: row.clientExemptUntilOn } }
}

function obligationOf(row: ObligationRow): Obligation {
  return {
    id: row.obligationId,
    invoiceId: row.invoiceId,
    clientId: row.clientId,
    kind: row.kind,
    dueOn: row.partDueOn,
    currency: storedCurrency(row.currency),
    amountMinor: row.amountMinor,
    balanceMinor: row.openMinor,
    cycle: row.cycle,
    overdueFromOn: row.overdueFromOn,
    overdueAnnounced: row.overdueAnnounced,
    stageCode: row.stageCode,
    stageEnteredAt: row.stageEnteredAt,
    nextStageCode: row.nextStageCode,
    nextEntryAt: row.nextEntryAt,
    nextAt: row.nextAt,
    isHeld: row.isHeld,
    policyId: row.policyId,
    policyVersion: row.policyVersion
  }
}

function invoiceOf(row: InvoiceRow): DunningCase['view']['invoice'] {
  return {
    id: row.id,
    clientId: row.clientId,
    number: row.number,
    currency: storedCurrency(row.currency),
    totalMinor: row.totalMinor,
    balanceMinor: row.balanceMinor,
    issuedOn: row.issuedOn,
    dueOn: row.dueOn,
    status: row.status,
    collectionMethod: row.collectionMethod,
    dunningStart: row.dunningStart,
    dunningPolicyId: row.dunningPolicyId,
    paymentLinks: row.paymentLinks,
    metadata: row.metadata,
    replacedById: row.replacedById,
    version: row.version,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt
  }
}
