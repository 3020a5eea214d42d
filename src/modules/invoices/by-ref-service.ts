import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import { parseAmount, storedCurrency } from '../../kernel/money.ts'
import type { ReferenceService } from '../references/service.ts'
import { createBodyFrom, dueTermsFrom, invoiceChangeFrom, newInvoiceFrom } from './input.ts'
import { restated, standingOf } from './restated.ts'
import type { InvoiceDocument, PutInvoiceBody } from './schemas.ts'
import type { InvoiceService } from './service.ts'

type Services = Readonly<{ invoices: InvoiceService; references: ReferenceService }>
type Ref = Readonly<{ source: string; id: string }>

export type PutOutcome = Readonly<{ status: 200 | 201; document: InvoiceDocument; applied: boolean }>

/**
 * Makes the invoice that a source names, or merges what the source says of it now: a changed due day is a reschedule, a
 * changed total an adjustment. Another client, currency or day of issue makes it void and issues it anew; so does a newer statement of
 * one that is void. Saying the same again changes nothing.
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
    const document = await invoices.create(tx, { ...input, id }, { isAwaited: claim.isAwaited })
    if (sourceVersion !== null) await references.setSourceVersion(tx, { kind: 'invoice', ...ref, sourceVersion })
    return { status: 201, document, applied: true }
  }
  if (sourceVersion !== null && !(await references.setSourceVersion(tx, { kind: 'invoice', ...ref, sourceVersion }))) {
    return { status: 200, document: await invoices.document(tx, id), applied: false }
  }
  const now = await invoices.document(tx, id)
  const isNewer = sourceVersion !== null && (claim.sourceVersion === null || sourceVersion > claim.sourceVersion)
  const clientId = await clientNamed(tx, { now, body }, references)
  const known: Known = { now, body, ref, clientId }
  if (now.status === 'void') return ofVoid(tx, known, { isNewer, invoices, references, newId })
  if (isAnother(known)) return { status: 200, document: await replace(tx, known, { invoices, references, newId }), applied: true }
  return { status: 200, document: await merge(tx, known, { invoices }), applied: true }
}

/** An invoice as it is, and what its source says of it. */
type Known = Readonly<{ now: InvoiceDocument; body: PutInvoiceBody; ref: Ref; clientId: string }>

async function merge(tx: Tx, { now, body }: Known, { invoices }: Pick<Services, 'invoices'>): Promise<InvoiceDocument> {
  const { id } = now
  refuseStart(now, body)
  const saysTerms = body.total !== undefined || body.due_on !== undefined || body.due_schedule !== undefined
  if (saysTerms) await invoices.changeTerms(tx, { id, ...dueTermsFrom(body, storedCurrency(now.currency)) })
  if (!changesSettings(now, body)) return invoices.document(tx, id)
  return invoices.update(tx, { id, change: invoiceChangeFrom(body), appliesTo: body.applies_to })
}

const settings = ['number', 'collection_method', 'payment_links', 'metadata', 'dunning_policy_id'] as const

function changesSettings(now: InvoiceDocument, body: PutInvoiceBody): boolean {
  if (body.dunning_start !== undefined && body.dunning_start !== now.dunning.start) return true
  return settings.some((field) => body[field] !== undefined && !isDeepStrictEqual(now[field], body[field]))
}

function changesTerms(now: InvoiceDocument, body: PutInvoiceBody): boolean {
  const of = storedCurrency(now.currency)
  const differs = (said: string | undefined, amount: string) =>
    said !== undefined && parseAmount(said, of) !== parseAmount(amount, of)
  const parts = body.due_schedule
  const isOtherPart = (part: { due_on: string; amount: string }, index: number) => {
    const same = now.due_schedule[index]
    return same === undefined || same.due_on !== part.due_on || differs(part.amount, same.amount)
  }
  if (parts !== undefined && (parts.length !== now.due_schedule.length || parts.some(isOtherPart))) return true
  return differs(body.total, now.total) || (body.due_on !== undefined && body.due_on !== now.due_on)
}

/** What a body says of how dunning starts, it says of an invoice that is issued. */
function refuseStart(now: InvoiceDocument, body: PutInvoiceBody): void {
  if (body.dunning_start !== 'baseline' || now.dunning.start === 'baseline') return
  const sentence = 'How dunning starts is settled when an invoice is issued: send `off`, `normal`, or nothing.'
  throw new DomainError('invalid_request', sentence, { pointer: '/dunning_start' })
}

async function clientNamed(tx: Tx, { now, body }: Pick<Known, 'now' | 'body'>, references: ReferenceService): Promise<string> {
  if (body.client_id === undefined && body.client_ref === undefined) return now.client_id
  const pointers = { id: '/client_id', ref: '/client_ref' }
  return references.resolve(tx, { kind: 'client', id: body.client_id, ref: body.client_ref, pointers })
}

/** Whose it is, its currency and its day of issue make an invoice what it is. */
function isAnother({ now, body, clientId }: Known): boolean {
  const isOtherCurrency = body.currency !== undefined && body.currency !== now.currency
  return clientId !== now.client_id || isOtherCurrency || (body.issued_on !== undefined && body.issued_on !== now.issued_on)
}

/** Who made it void may know more than a source that says the same again; a source that says something else, or newer, issues it again. */
async function ofVoid(
  tx: Tx,
  known: Known,
  { isNewer, ...services }: Services & { newId: () => string; isNewer: boolean }
): Promise<PutOutcome> {
  const { now, body, ref } = known
  const saysOtherwise = isAnother(known) || changesTerms(now, body) || changesSettings(now, body)
  if (!isNewer && !saysOtherwise) return { status: 200, document: now, applied: false }
  const input = await newInvoiceFrom(tx, createBodyFrom(body, ref), services.references, now)
  const anew = { ...input, id: services.newId() }
  return { status: 201, document: await services.invoices.replace(tx, { id: now.id, input: anew }), applied: true }
}

/** What an invoice is, with what the body says otherwise: as it is issued anew. */
export function anewBody({ now, body, clientId }: Pick<Known, 'now' | 'body' | 'clientId'>): PutInvoiceBody {
  const isInParts = now.due_schedule.length > 1
  const due = isInParts
    ? { due_schedule: now.due_schedule.map(({ due_on, amount }) => ({ due_on, amount })) }
    : { due_on: now.due_on }
  const { client_id: _, client_ref: __, ...said } = body
  const before: PutInvoiceBody = {
    ...{ number: now.number, currency: now.currency, total: now.total, issued_on: now.issued_on, ...due },
    ...Object.fromEntries(settings.map((field) => [field, now[field]])),
    dunning_start: now.dunning.start,
    // What was agreed before its offboarding began stays so.
    ...(clientId === now.client_id && { for_commitment: true })
  }
  return { ...restated(before, said, standingOf(now, said.currency)), client_id: clientId }
}

async function replace(tx: Tx, known: Known, services: Services & { newId: () => string }): Promise<InvoiceDocument> {
  const { now, ref } = known
  const input = await newInvoiceFrom(tx, createBodyFrom(anewBody(known), ref), services.references, now)
  return services.invoices.replace(tx, { id: now.id, input: { ...input, id: services.newId() } })
}
