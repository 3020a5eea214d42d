import type { Reader } from '../../db/client.ts'
import { day } from '../../kernel/day.ts'
import { DomainError, requireTogether } from '../../kernel/errors.ts'
import { type Currency, isActiveCurrency, keptMinorMax, parseAmount, storedCurrency } from '../../kernel/money.ts'
import type { ReferenceService } from '../references/service.ts'
import type { InvoiceChange } from './change-service.ts'
import type { NewInvoice } from './draft.ts'
import type { DueTerms, Part } from './invoice.ts'
import type { CreateInvoiceBody, PutInvoiceBody } from './schemas.ts'

/** Reads an amount of a body. @throws DomainError that points at the field. */
export function amountAt(text: string, { of, pointer }: { of: Currency; pointer: string }): bigint {
  try {
    const minor = parseAmount(text, of)
    if (minor <= keptMinorMax) return minor
  } catch (error) {
    if (error instanceof DomainError) throw new DomainError(error.code, error.message, { pointer })
    throw error
  }
  throw new DomainError('invalid_amount', 'The amount is larger than can be kept.', { pointer })
}

/** What new invoices are issued in. @param stands that of the invoice that is issued anew. @throws DomainError that points at the field. */
function activeCurrency(code: string, stands: string | undefined): Currency {
  if (isActiveCurrency(code)) return code
  if (code === stands) return storedCurrency(code)
  const sentence = 'The currency is not an active ISO 4217 code. Issue new invoices in an active one.'
  throw new DomainError('unknown_currency', sentence, { pointer: '/currency' })
}

/**
 * Finds what the body names by references and reads its amounts and days.
 * @param former the invoice that is issued anew: its currency may be retired since.
 */
export async function newInvoiceFrom(
  reader: Reader,
  body: CreateInvoiceBody,
  references: ReferenceService,
  former?: Readonly<{ currency: string }>
): Promise<NewInvoice> {
  const code = activeCurrency(body.currency, former?.currency)
  const clientId = await references.resolve(reader, {
    kind: 'client',
    id: body.client_id,
    ref: body.client_ref,
    pointers: { id: '/client_id', ref: '/client_ref' }
  })
  return {
    id: null,
    clientId,
    number: body.number,
    currency: code,
    totalMinor: amountAt(body.total, { of: code, pointer: '/total' }),
    issuedOn: body.issued_on === undefined ? null : day(body.issued_on),
    dueOn: body.due_on === undefined ? null : day(body.due_on),
    schedule: scheduleFrom(body.due_schedule, code),
    collectionMethod: body.collection_method ?? 'manual',
    dunningStart: body.dunning_start ?? null,
    dunningPolicyId: body.dunning_policy_id ?? null,
    paymentLinks: body.payment_links ?? [],
    metadata: body.metadata ?? {},
    externalRefs: body.external_refs ?? [],
    forCommitment: body.for_commitment ?? false
  }
}

function scheduleFrom(parts: CreateInvoiceBody['due_schedule'], of: Currency): Part[] | null {
  if (parts === undefined) return null
  return parts.map((part, index) => ({
    dueOn: day(part.due_on),
    amountMinor: amountAt(part.amount, { of, pointer: `/due_schedule/${index}/amount` })
  }))
}

/** What a body says of the claim and of when it falls due. */
export function dueTermsFrom(
  { total, due_on: dueOn, due_schedule: parts }: Pick<PutInvoiceBody, 'total' | 'due_on' | 'due_schedule'>,
  of: Currency
): DueTerms {
  return {
    totalMinor: total === undefined ? null : amountAt(total, { of, pointer: '/total' }),
    dueOn: dueOn === undefined ? null : day(dueOn),
    schedule: scheduleFrom(parts, of)
  }
}

type Settings = Pick<
  PutInvoiceBody,
  'number' | 'collection_method' | 'payment_links' | 'metadata' | 'dunning_policy_id' | 'applies_to' | 'dunning_start'
>

export function invoiceChangeFrom(body: Settings): InvoiceChange {
  requireTogether(body, 'applies_to', 'dunning_policy_id')
  return {
    ...(body.number !== undefined && { number: body.number }),
    ...(body.collection_method !== undefined && { collectionMethod: body.collection_method }),
    ...(body.payment_links !== undefined && { paymentLinks: body.payment_links }),
    ...(body.metadata !== undefined && { metadata: body.metadata }),
    ...(body.dunning_policy_id !== undefined && { dunningPolicyId: body.dunning_policy_id }),
    ...(body.dunning_start !== undefined && { dunningStart: body.dunning_start })
  }
}

/** The body of a PUT that makes an invoice: what it must name then, it must name. */
export function createBodyFrom(body: PutInvoiceBody, ref: { source: string; id: string }): CreateInvoiceBody {
  const { number, currency: code, total, source_version: _, applies_to: __, client_id, client_ref, ...rest } = body
  if (number === undefined || code === undefined || total === undefined) {
    const missing = number === undefined ? 'number' : code === undefined ? 'currency' : 'total'
    throw new DomainError('invalid_request', 'This field is required to make the invoice.', { pointer: `/${missing}` })
  }
  return {
    ...rest,
    ...(client_id !== undefined && { client_id }),
    ...(client_ref !== undefined && { client_ref }),
    number,
    currency: code,
    total,
    external_refs: [ref]
  }
}
