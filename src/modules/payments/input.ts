import type { Reader } from '../../db/client.ts'
import { day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { type Currency, knownCurrency } from '../../kernel/money.ts'
import { amountAt } from '../invoices/input.ts'
import type { ReferenceService } from '../references/service.ts'
import type { Named } from './payment.ts'
import type { NewPayment, Reversal } from './receipt.ts'
import { refuseMisplaced, type Said } from './said.ts'
import type { AllocationsBody, CreatePaymentBody, PutPaymentBody } from './schemas.ts'

/** Finds what the body names by references and reads its amounts and days. */
export async function newPaymentFrom(
  reader: Reader,
  body: CreatePaymentBody,
  references: ReferenceService,
  { waits = false }: { waits?: boolean } = {}
): Promise<NewPayment> {
  const code = knownCurrency(body.currency)
  const clientId = await references.resolve(reader, {
    kind: 'client',
    id: body.client_id,
    ref: body.client_ref,
    pointers: { id: '/client_id', ref: '/client_ref' }
  })
  return {
    id: null,
    clientId,
    currency: code,
    amountMinor: amountAt(body.amount, { of: code, pointer: '/amount' }),
    status: body.status ?? 'settled',
    receivedOn: body.received_on === undefined ? null : day(body.received_on),
    maturesOn: body.matures_on === undefined ? null : day(body.matures_on),
    instrument: body.instrument ?? null,
    method: body.method ?? null,
    reference: body.reference ?? null,
    reservedFor: body.reserved_for ?? null,
    allocations: await namedFrom(reader, { allocations: body.allocations, of: code, waits }, references),
    metadata: body.metadata ?? {},
    externalRefs: body.external_refs ?? []
  }
}

/** @param how.waits an invoice that a reference names may not exist yet. */
export async function namedFrom(
  reader: Reader,
  { allocations, of, waits = false }: { allocations: AllocationsBody | undefined; of: Currency; waits?: boolean },
  references: ReferenceService
): Promise<Named[] | null> {
  if (allocations === undefined) return null
  return Promise.all(
    allocations.map(async (wanted, index) => {
      const pointers = { id: `/allocations/${index}/invoice_id`, ref: `/allocations/${index}/invoice_ref` }
      const { invoice_id: id, invoice_ref: ref } = wanted
      const mayBeUnknown = waits && id === undefined && ref !== undefined
      const invoiceId = mayBeUnknown
        ? ((await references.find(reader, { kind: 'invoice', ...ref }))?.objectId ?? null)
        : await references.resolve(reader, { kind: 'invoice', id, ref, pointers })
      const amountMinor = amountAt(wanted.amount, { of, pointer: `/allocations/${index}/amount` })
      return { invoiceId, ref: ref ?? null, amountMinor, waits: waits && ref !== undefined }
    })
  )
}

/** The body of a PUT that makes a payment: what it must name then, it must name. */
export function createBodyFrom(body: PutPaymentBody, ref: { source: string; id: string }): CreatePaymentBody {
  const { amount, currency: code, source_version: _, reversal_reason: __, reversed_on: ___, status, ...rest } = body
  if (amount === undefined || code === undefined) {
    throw new DomainError('invalid_request', 'This field is required to make the payment.', {
      pointer: amount === undefined ? '/amount' : '/currency'
    })
  }
  return { ...rest, ...(status !== undefined && status !== 'failed' && { status }), amount, currency: code, external_refs: [ref] }
}

/** What a PUT says of a payment that it makes. */
export async function newPutFrom(
  reader: Reader,
  { ref, body }: { ref: { source: string; id: string }; body: PutPaymentBody },
  references: ReferenceService
): Promise<NewPayment> {
  const input = await newPaymentFrom(reader, createBodyFrom(body, ref), references, { waits: true })
  return { ...input, ...statusFrom(body) }
}

/** What a PUT that makes a payment says beside what a POST can say: it may be gone again before it is known. */
function statusFrom(body: PutPaymentBody): Partial<Pick<NewPayment, 'status' | 'reason' | 'reversedOn'>> {
  const received = body.received_on === undefined ? {} : { receivedOn: day(body.received_on) }
  refuseMisplaced('anew', { ...endFrom(body), ...received }, { status: 'failed', saidStatus: body.status })
  return body.status === 'failed' ? { status: 'failed', ...reversalFrom(body) } : {}
}

export function reversalFrom({ reversal_reason: reason, reversed_on: on }: PutPaymentBody): Reversal {
  return { reason: reason ?? null, reversedOn: on === undefined ? null : day(on) }
}

const endFrom = ({ reversal_reason: reason, reversed_on: on }: PutPaymentBody): Pick<Said, 'reversalReason' | 'reversedOn'> => ({
  ...(reason !== undefined && { reversalReason: reason }),
  ...(on !== undefined && { reversedOn: day(on) })
})

/** What a body states of a payment that is known. */
export async function saidFrom(
  reader: Reader,
  { body, of }: { body: PutPaymentBody; of: Currency },
  references: ReferenceService
): Promise<Said> {
  const code = body.currency === undefined ? of : knownCurrency(body.currency)
  const { client_id: id, client_ref: ref, amount, received_on: receivedOn, matures_on: maturesOn } = body
  const pointers = { id: '/client_id', ref: '/client_ref' }
  const isNamed = id !== undefined || ref !== undefined
  const clientId = isNamed ? await references.resolve(reader, { kind: 'client', id, ref, pointers }) : undefined
  const allocations = await namedFrom(reader, { allocations: body.allocations, of: code, waits: true }, references)
  const { instrument, method, reference, reserved_for: reservedFor, metadata } = body
  return {
    ...endFrom(body),
    ...(body.currency !== undefined && { currency: code }),
    ...(clientId !== undefined && { clientId }),
    ...(amount !== undefined && { amountMinor: amountAt(amount, { of: code, pointer: '/amount' }) }),
    ...(receivedOn !== undefined && { receivedOn: day(receivedOn) }),
    ...(maturesOn !== undefined && { maturesOn: day(maturesOn) }),
    ...(instrument !== undefined && { instrument }),
    ...(method !== undefined && { method }),
    ...(reference !== undefined && { reference }),
    ...(reservedFor !== undefined && { reservedFor }),
    ...(metadata !== undefined && { metadata }),
    ...(allocations !== null && { allocations })
  }
}
