import { type Static, Type } from 'typebox'
import { decodeRankCursor, encodeRankCursor, toPage } from './cursor.ts'
import { Id } from './schemas.ts'

/** An object shows so many of the invoices that it covers; all of them are a list of their own. */
export const INVOICES_SHOWN = 100

/** The fields of an object that covers invoices, of which there can be any number. */
export const coveredFields = {
  invoice_ids: Type.Array(Id, { maxItems: INVOICES_SHOWN, description: `The first ${INVOICES_SHOWN} invoices, by id` }),
  invoices_count: Type.Integer({ description: 'Number of invoices' }),
  invoices_url: Type.String({ description: 'Path of the list of all of them' })
}

type Covered = { [Name in keyof typeof coveredFields]: Static<(typeof coveredFields)[Name]> }

/** @param url of the object. */
export function coveredToApi(invoiceIds: readonly string[], url: string): Covered {
  return {
    invoice_ids: invoiceIds.slice(0, INVOICES_SHOWN),
    invoices_count: invoiceIds.length,
    invoices_url: `${url}/invoices`
  }
}

/** A page of all of them. @param invoiceIds sorted. */
export function coveredPage<Row>(
  invoiceIds: readonly string[],
  { limit, cursor, toApi }: Readonly<{ limit: number; cursor?: string; toApi: (invoiceId: string) => Row }>
) {
  const after = decodeRankCursor(cursor)?.id ?? ''
  const rows = invoiceIds.filter((id) => id > after).slice(0, limit + 1)
  return toPage(rows, { limit, cursorOf: (id) => encodeRankCursor({ rank: 0n, id }), toApi })
}
