import { and, eq, gte } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { ifGiven, orNull } from '../../db/parameters.ts'
import { build, query } from '../../db/query.ts'
import { begun, columnsBut, insertion, newestFirst, olderThan, pageOf } from '../../db/rows.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { CreditNote } from './credit-note.ts'
import { creditNotes } from './table.ts'

const select = () => build.select(columnsBut(creditNotes, 'orgId')).from(creditNotes)

const selectOne = query('credit_notes.find', { id: creditNotes.id }, (p) =>
  select().where(and(eq(creditNotes.orgId, p.orgId), eq(creditNotes.id, p.id)))
)

export async function find(reader: Reader, id: string): Promise<CreditNote | undefined> {
  const [row] = await reader.run(selectOne, { id })
  return row && fromRow(row)
}

export type CreditNoteFilter = Readonly<{
  limit: number
  after: { at: Date; id: string } | null
  clientId: string | null
  invoiceId: string | null
  updatedSince: Date | null
}>

const selectPage = query(
  'credit_notes.page',
  {
    ...pageOf(creditNotes),
    clientId: orNull(creditNotes.clientId),
    invoiceId: orNull(creditNotes.invoiceId),
    updatedSince: orNull(creditNotes.updatedAt)
  },
  (p) =>
    select()
      .where(
        and(
          eq(creditNotes.orgId, p.orgId),
          olderThan(creditNotes, p),
          ifGiven(p.clientId, eq(creditNotes.clientId, p.clientId)),
          ifGiven(p.invoiceId, eq(creditNotes.invoiceId, p.invoiceId)),
          ifGiven(p.updatedSince, gte(creditNotes.updatedAt, p.updatedSince))
        )
      )
      .orderBy(...newestFirst(creditNotes))
      .limit(p.limit)
)

export async function page(reader: Reader, { after, ...filter }: CreditNoteFilter): Promise<CreditNote[]> {
  return (await reader.run(selectPage, { ...filter, ...begun(after) })).map(fromRow)
}

const insertRows = insertion('credit_notes.insert', creditNotes)

export async function insert(tx: Tx, note: CreditNote): Promise<void> {
  await tx.run(insertRows, { rows: [note] })
}

function fromRow(row: Omit<CreditNote, 'currency'> & { currency: string }): CreditNote {
  return { ...row, currency: storedCurrency(row.currency) }
}
