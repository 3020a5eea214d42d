import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { CreditNote } from './credit-note.ts'

type Row = Omit<CreditNote, 'currency'> & { currency: string }

const columns = `n.id, n.client_id as "clientId", n.invoice_id as "invoiceId", n.dispute_id as "disputeId", n.currency,
  n.amount_minor as "amountMinor", n.released_minor as "releasedMinor", n.reason, n.note, n.issued_on as "issuedOn", n.version,
  n.created_at as "createdAt", n.updated_at as "updatedAt"`

const selectOne = statement<Row>('credit_notes.find', `select ${columns} from credit_notes n where n.org_id = $1 and n.id = $2`)

export async function find(reader: Reader, id: string): Promise<CreditNote | undefined> {
  const [row] = await reader.run(selectOne, [reader.orgId, id])
  return row && fromRow(row)
}

export type CreditNoteFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  updatedSince: Date | null
}>

const selectPage = statement<Row>(
  'credit_notes.page',
  `select ${columns} from credit_notes n
   where n.org_id = $1 and ($3::timestamptz is null or (n.created_at, n.id) < ($3, $4::uuid))
     and ($5::uuid is null or n.client_id = $5) and ($6::uuid is null or n.invoice_id = $6)
     and ($7::timestamptz is null or n.updated_at >= $7)
   order by n.created_at desc, n.id desc limit $2`
)

export async function page(reader: Reader, filter: CreditNoteFilter): Promise<CreditNote[]> {
  const { limit, after, clientId, invoiceId, updatedSince } = filter
  const parameters = [limit, after?.at ?? null, after?.id ?? null, clientId, invoiceId, updatedSince]
  return (await reader.run(selectPage, [reader.orgId, ...parameters])).map(fromRow)
}

const insertRow = statement<{ id: string }>(
  'credit_notes.insert',
  `insert into credit_notes (org_id, id, client_id, invoice_id, dispute_id, currency, amount_minor, released_minor, reason, note, issued_on, version,
     created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
)

export async function insert(tx: Tx, n: CreditNote): Promise<void> {
  await tx.run(insertRow, [
    tx.orgId,
    n.id,
    n.clientId,
    n.invoiceId,
    n.disputeId,
    n.currency,
    n.amountMinor,
    n.releasedMinor,
    n.reason,
    n.note,
    n.issuedOn,
    n.version,
    n.createdAt,
    n.updatedAt
  ])
}

function fromRow(row: Row): CreditNote {
  return { ...row, currency: storedCurrency(row.currency) }
}
