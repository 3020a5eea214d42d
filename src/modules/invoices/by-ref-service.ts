import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import { storedCurrency } from '../../kernel/money.ts'
import type { ReferenceService } from '../references/service.ts'
import { createBodyFrom, dueTermsFrom, invoiceChangeFrom, newInvoiceFrom } from './input.ts'
import type { InvoiceDocument, PutInvoiceBody } from './schemas.ts'
import type { InvoiceService } from './service.ts'

type Services = Readonly<{ invoices: InvoiceService; references: ReferenceService }>
type Ref = Readonly<{ source: string; id: string }>

export type PutOutcome = Readonly<{ status: 200 | 201; document: InvoiceDocument; applied: boolean }>

/**
 * Makes the invoice that a source names, or merges what the source says of it now: a changed due day is a reschedule, a
 * changed total an adjustment. Saying the same again changes nothing.
 */
export async function putInvoiceByRef(
  tx: Tx,
  { ref, body }: { ref: Ref; body: PutInvoiceBody },
  { invoices, references, newId }: Services & { newId: () => string }
): Promise<PutOutcome> {
  const sourceVersion = body.source_version === undefined ? null : BigInt(body.source_version)
  const claim = await references.claim(tx, { kind: 'invoice', ...ref, objectId: newId() })
  const id = claim.objectId
  if (claim.created) {
    const input = await newInvoiceFrom(tx, createBodyFrom(body, ref), references)
    const document = await invoices.create(tx, { ...input, id })
    if (sourceVersion !== null) await references.setSourceVersion(tx, { kind: 'invoice', ...ref, sourceVersion })
    return { status: 201, document, applied: true }
  }
  if (sourceVersion !== null && !(await references.setSourceVersion(tx, { kind: 'invoice', ...ref, sourceVersion }))) {
    return { status: 200, document: await invoices.document(tx, id), applied: false }
  }
  return { status: 200, document: await merge(tx, { id, body }, { invoices, references }), applied: true }
}

async function merge(
  tx: Tx,
  { id, body }: { id: string; body: PutInvoiceBody },
  { invoices, references }: Services
): Promise<InvoiceDocument> {
  const now = await invoices.document(tx, id)
  await refuseAnother(tx, { now, body }, references)
  const saysTerms = body.total !== undefined || body.due_on !== undefined || body.due_schedule !== undefined
  if (saysTerms) await invoices.changeTerms(tx, { id, ...dueTermsFrom(body, storedCurrency(now.currency)) })
  const { dunning_start: start, ...settings } = body
  const change = invoiceChangeFrom({ ...settings, ...(start === 'off' && { dunning_start: start }) })
  const differs = Object.entries({ ...settings }).some(
    ([key, value]) => key in now && !MOVED.has(key) && !isDeepStrictEqual(now[key as keyof InvoiceDocument], value)
  )
  if (differs || (start === 'off' && now.dunning.start !== 'off')) return invoices.update(tx, { id, change })
  return invoices.document(tx, id)
}

/** Told apart from settings: these have their own ways to change, or none. */
const MOVED = new Set(['total', 'due_on', 'due_schedule', 'currency', 'issued_on', 'client_id'])

/** Whose it is, its currency and its day of issue make an invoice what it is: another one is another invoice. */
async function refuseAnother(
  tx: Tx,
  { now, body }: { now: InvoiceDocument; body: PutInvoiceBody },
  references: ReferenceService
): Promise<void> {
  const named = body.client_id !== undefined || body.client_ref !== undefined
  if (named) {
    const pointers = { id: '/client_id', ref: '/client_ref' }
    const clientId = await references.resolve(tx, { kind: 'client', id: body.client_id, ref: body.client_ref, pointers })
    if (clientId !== now.client_id)
      throw new DomainError('invalid_request', 'The invoice belongs to another client: void it and issue it anew.', {
        pointer: pointers.id
      })
  }
  if (body.currency !== undefined && body.currency !== now.currency) {
    throw new DomainError('currency_mismatch', `The invoice is in ${now.currency}: void it and issue it anew.`, {
      pointer: '/currency'
    })
  }
  if (body.issued_on !== undefined && body.issued_on !== now.issued_on) {
    throw new DomainError('invalid_request', `The invoice was issued on ${now.issued_on}: void it and issue it anew.`, {
      pointer: '/issued_on'
    })
  }
}
