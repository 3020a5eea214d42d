import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '../../db/client.ts'
import { day } from '../../kernel/day.ts'
import { currency } from '../../kernel/money.ts'
import { amountAt } from '../invoices/input.ts'
import type { ReferenceService } from '../references/service.ts'
import { createBodyFrom, newPaymentFrom, wantedFrom } from './input.ts'
import type { PaymentView } from './payment.ts'
import { type PaymentDocument, type PutPaymentBody, toApi } from './schemas.ts'
import type { PaymentService } from './service.ts'

type Services = Readonly<{ payments: PaymentService; references: ReferenceService; newId: () => string }>
type Ref = Readonly<{ source: string; id: string }>

export type PutOutcome = Readonly<{ status: 200 | 201; view: PaymentView; applied: boolean }>

/**
 * Makes the payment that a source names, or follows what the source says of it now. Another amount, currency, client or
 * day, purpose or allocation takes the payment back as entered wrongly and records it anew; its names go to the new one.
 */
export async function putPaymentByRef(
  tx: Tx,
  { ref, body }: { ref: Ref; body: PutPaymentBody },
  services: Services
): Promise<PutOutcome> {
  const { payments, references, newId } = services
  const sourceVersion = body.source_version === undefined ? null : BigInt(body.source_version)
  const claim = await references.claim(tx, { kind: 'payment', ...ref, objectId: newId() })
  const id = claim.objectId
  if (!claim.created && sourceVersion !== null && claim.sourceVersion !== null && sourceVersion < claim.sourceVersion) {
    return { status: 200, view: await payments.get(tx, id), applied: false }
  }
  const outcome: PutOutcome = claim.created
    ? { status: 201, view: await make(tx, { id, ref, body }, services), applied: true }
    : await merge(tx, { id, ref, body }, services)
  if (sourceVersion !== null) await references.setSourceVersion(tx, { kind: 'payment', ...ref, sourceVersion })
  return outcome
}

type Put = Readonly<{ id: string; ref: Ref; body: PutPaymentBody }>

async function make(tx: Tx, { id, ref, body }: Put, { payments, references }: Services): Promise<PaymentView> {
  return payments.record(tx, { ...(await newPaymentFrom(tx, createBodyFrom(body, ref), references)), id })
}

async function merge(tx: Tx, put: Put, services: Services): Promise<PutOutcome> {
  const view = await services.payments.get(tx, put.id)
  const { status } = view.payment
  // Money that was given up comes after all; what was taken back for good stays so, whatever an older message says.
  const comesAfterAll = status === 'failed' && put.body.status === 'settled'
  if (comesAfterAll) return { status: 200, view: await recordAnew(tx, { now: toApi(view), ...put }, services), applied: true }
  if (status === 'failed' || status === 'reversed') return { status: 200, view, applied: false }
  return { status: 200, view: await follow(tx, { view, ...put }, services), applied: true }
}

async function follow(tx: Tx, { view, id, ref, body }: Put & { view: PaymentView }, services: Services): Promise<PaymentView> {
  const { payments, references } = services
  const now = toApi(view)
  if (await isAnother(tx, { view, body }, references)) return recordAnew(tx, { now, ref, body }, services)
  if (now.status === 'pending' && body.status === 'failed') return payments.fail(tx, id)
  if (now.status === 'pending' && body.status === 'settled') {
    const allocations = await wantedFrom(tx, { allocations: body.allocations, of: view.payment.currency }, references)
    return payments.settle(tx, { id, receivedOn: body.received_on === undefined ? null : day(body.received_on), allocations })
  }
  const { method, reference, metadata } = body
  const change = {
    ...(method !== undefined && { method }),
    ...(reference !== undefined && { reference }),
    ...(metadata !== undefined && { metadata })
  }
  const differs = Object.entries(change).some(([key, value]) => !isDeepStrictEqual(now[key as 'method'], value))
  return differs ? payments.describe(tx, { id, change }) : view
}

async function isAnother(
  tx: Tx,
  { view, body }: { view: PaymentView; body: PutPaymentBody },
  references: ReferenceService
): Promise<boolean> {
  const { payment } = view
  const code = body.currency === undefined ? payment.currency : currency(body.currency)
  if (code !== payment.currency) return true
  if (body.amount !== undefined && amountAt(body.amount, { of: code, pointer: '/amount' }) !== payment.amountMinor) return true
  const named = body.client_id !== undefined || body.client_ref !== undefined
  const pointers = { id: '/client_id', ref: '/client_ref' }
  const by = { kind: 'client' as const, id: body.client_id, ref: body.client_ref, pointers }
  if (named && (await references.resolve(tx, by)) !== payment.clientId) return true
  if (body.reserved_for !== undefined && body.reserved_for !== payment.reservedFor) return true
  const isStillAnnounced = payment.status === 'pending' && (body.status ?? 'pending') === 'pending'
  if (isStillAnnounced && body.matures_on !== undefined && body.matures_on !== payment.maturesOn) return true
  if (isStillAnnounced && body.instrument !== undefined && !isDeepStrictEqual(payment.instrument, body.instrument)) return true
  if ((isStillAnnounced || payment.status === 'settled') && body.allocations !== undefined) {
    const wanted = await wantedFrom(tx, { allocations: body.allocations, of: code }, references)
    if (!isDeepStrictEqual(wanted, [...view.announced])) return true
  }
  return payment.receivedOn !== null && body.received_on !== undefined && body.received_on !== payment.receivedOn
}

/** In one transaction, so that nobody sees the moment in between. */
async function recordAnew(
  tx: Tx,
  { now, ref, body }: { now: PaymentDocument; ref: Ref; body: PutPaymentBody },
  { payments, references, newId }: Services
): Promise<PaymentView> {
  if (now.status === 'settled') await payments.reverse(tx, { id: now.id, reason: 'entered_wrongly', reversedOn: null })
  if (now.status === 'pending') await payments.fail(tx, now.id)
  await references.replace(tx, { kind: 'payment', objectId: now.id, refs: [] })
  const whole: PutPaymentBody = {
    amount: now.amount,
    currency: now.currency,
    ...(body.client_ref === undefined && { client_id: now.client_id }),
    ...(now.received_on !== null && { received_on: now.received_on }),
    // Announced money stays announced money, unless the source says that it is there.
    ...(now.status === 'pending' && { status: now.status }),
    ...(now.matures_on !== null && { matures_on: now.matures_on }),
    ...(now.instrument !== null && { instrument: now.instrument }),
    ...(now.reserved_for !== null && { reserved_for: now.reserved_for }),
    ...(now.method !== null && { method: now.method }),
    ...(now.reference !== null && { reference: now.reference }),
    metadata: now.metadata,
    ...body
  }
  const input = await newPaymentFrom(tx, createBodyFrom(whole, ref), references)
  const { clientId, currency: code, amountMinor } = input
  const isSameDebt = clientId === now.client_id && code === now.currency
  const announced = isSameDebt ? await payments.announcedFor(tx, { id: now.id, amountMinor }) : null
  return payments.record(tx, {
    ...input,
    allocations: input.allocations ?? announced,
    externalRefs: now.external_refs,
    id: newId()
  })
}
