import type { Tx } from '../../db/client.ts'
import type { ReferenceService } from '../references/service.ts'
import type { PaymentChange } from './correction-service.ts'
import { createBodyFrom, newPaymentFrom, newPutFrom, reversalFrom, saidFrom } from './input.ts'
import { isSameNamed, type PaymentView } from './payment.ts'
import {
  differencesOf,
  isAnother,
  refuseMisplaced,
  type Said,
  type SaidField,
  type SaidStatus,
  type Step,
  stepFor
} from './said.ts'
import { type PutPaymentBody, toApi } from './schemas.ts'
import type { PaymentService } from './service.ts'

type Services = Readonly<{ payments: PaymentService; references: ReferenceService; newId: () => string }>
type Ref = Readonly<{ source: string; id: string }>

export type PutOutcome = Readonly<{ status: 200 | 201; view: PaymentView; applied: boolean }>

/**
 * Makes the payment that a source names, or follows what the source says of it now. Another amount, currency, client, day or
 * purpose takes the payment back as entered wrongly and records it anew; its names go to the new one. Other allocations of money
 * that is there move the difference.
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
  await references.awaitMissing(tx, {
    kind: 'invoice',
    refs: (body.allocations ?? []).flatMap(({ invoice_ref: name }) => name ?? [])
  })
  const outcome: PutOutcome = claim.created
    ? { status: 201, view: await make(tx, { id, ref, body }, services), applied: true }
    : await merge(tx, { id, ref, body }, { ...services, age: ageOf(sourceVersion, claim.sourceVersion) })
  if (sourceVersion !== null) await references.setSourceVersion(tx, { kind: 'payment', ...ref, sourceVersion })
  return outcome
}

type Put = Readonly<{ id: string; ref: Ref; body: PutPaymentBody }>

/** How a version stands to the last one; undefined where the source sends none. */
type Age = 'newer' | 'same' | undefined

function ageOf(version: bigint | null, last: bigint | null): Age {
  if (version === null) return undefined
  return version === last ? 'same' : 'newer'
}

async function make(tx: Tx, { id, ref, body }: Put, { payments, references }: Services): Promise<PaymentView> {
  return payments.record(tx, { ...(await newPutFrom(tx, { ref, body }, references)), id })
}

async function merge(tx: Tx, put: Put, { age, ...services }: Services & { age: Age }): Promise<PutOutcome> {
  const { payments, references } = services
  const { id } = put
  const view = await payments.whole(tx, id)
  const { status, reversalReason } = view.payment
  // A newer version of what its source deleted says that it is there again.
  const isBack = age === 'newer' && reversalReason === 'deleted_upstream'
  const saidStatus = put.body.status ?? (isBack ? 'settled' : undefined)
  const body = saidStatus === undefined ? put.body : { ...put.body, status: saidStatus }
  const said = await saidFrom(tx, { body, of: view.payment.currency }, references)
  const differences = differencesOf(view, said)
  // What never came is nowhere but in its own words: a newer version corrects them.
  const isCorrected = status === 'failed' && body.status === 'failed' && age === 'newer' && differences.size > 0
  const step = isCorrected ? 'anew' : stepFor(status, body.status)
  refuseMisplaced(step, said, { status, saidStatus: body.status })
  // What ended stays so, whatever an older message or the same one says, until its source states that it is there or announced.
  const hasEnded = status === 'failed' || status === 'reversed'
  if (hasEnded && age === 'same' && step === 'anew') return { status: 200, view, applied: false }
  if (step === 'stay') return { status: 200, view, applied: body.status !== undefined && differences.size === 0 }
  return { status: 200, view: await follow(tx, { ...put, body, view, said, step, differences }, services), applied: true }
}

type Following = Put & Readonly<{ view: PaymentView; said: Said; step: Step; differences: ReadonlySet<SaidField> }>

async function follow(tx: Tx, following: Following, services: Services): Promise<PaymentView> {
  const { view, step, differences, body, said } = following
  const { payments } = services
  const { status } = view.payment
  if (step === 'anew' || (step === 'settle' && isAnother(status, step, differences))) {
    return recordAnew(tx, { ...following, status: body.status ?? 'settled' }, services)
  }
  if (step === 'settle') {
    const { receivedOn = null, allocations = null } = said
    return payments.settle(tx, { id: following.id, receivedOn, allocations, change: changeOf(following) })
  }
  const corrected = await correct(tx, following, services)
  if (step === 'correct') {
    // What is named for an invoice is told by the invoices that it moves, and another one recorded in its place has events of its own.
    const isDescribed = corrected.payment.id === view.payment.id && Object.keys(changeOf(following)).length > 0
    if (isDescribed) await payments.tellUpdated(tx, { before: view, after: corrected })
    return corrected
  }
  const { reason, reversedOn } = reversalFrom(body)
  const { id } = corrected.payment
  if (corrected.payment.status === 'pending')
    return payments.fail(tx, id, { reason, reversedOn, receivedOn: said.receivedOn ?? null })
  return payments.reverse(tx, { id, reason: reason ?? 'bounced', reversedOn })
}

async function correct(tx: Tx, following: Following, services: Services): Promise<PaymentView> {
  const { view, step, differences, said, id } = following
  const { payments } = services
  const { status } = view.payment
  if (isAnother(status, step, differences)) {
    return recordAnew(tx, { ...following, status: status === 'pending' ? 'pending' : 'settled' }, services)
  }
  const isMoved = status === 'settled' && said.allocations !== undefined && differences.has('allocations')
  const isRestated = !isMoved && said.allocations !== undefined && !isSameNamed(said.allocations, view.named)
  const moved = isMoved
    ? await payments.reallocate(tx, { id, wanted: said.allocations })
    : isRestated && status === 'settled'
      ? await payments.restate(tx, { id, named: said.allocations })
      : view
  const change = changeOf(following)
  return Object.keys(change).length === 0 ? moved : payments.describe(tx, { id, change })
}

const describing = ['method', 'reference', 'metadata', 'maturesOn', 'instrument'] as const

function changeOf({ said, differences }: Following): PaymentChange {
  return Object.fromEntries(describing.filter((field) => differences.has(field)).map((field) => [field, said[field]]))
}

/** In one transaction, so that nobody sees the moment in between. */
async function recordAnew(
  tx: Tx,
  { view, ref, body, status }: Following & { status: SaidStatus },
  { payments, references }: Services
): Promise<PaymentView> {
  const now = toApi(view)
  const { received_on: receivedOn, ...stated } = body
  // Announced money that came and went is first announced as it should have been.
  const isYetToEnd = status === 'pending' && body.status === 'failed'
  const whole: PutPaymentBody = {
    amount: now.amount,
    currency: now.currency,
    ...(body.client_ref === undefined && { client_id: now.client_id }),
    ...(now.received_on !== null && status === 'settled' && { received_on: now.received_on }),
    ...(now.matures_on !== null && { matures_on: now.matures_on }),
    ...(now.instrument !== null && { instrument: now.instrument }),
    ...(now.reserved_for !== null && { reserved_for: now.reserved_for }),
    ...(now.method !== null && { method: now.method }),
    ...(now.reference !== null && { reference: now.reference }),
    metadata: now.metadata,
    ...stated,
    ...(receivedOn !== undefined && !isYetToEnd && { received_on: receivedOn }),
    status
  }
  const input =
    status === 'failed'
      ? await newPutFrom(tx, { ref, body: whole }, references)
      : await newPaymentFrom(tx, createBodyFrom(whole, ref), references, { waits: true })
  return payments.replace(tx, { id: now.id, input })
}
