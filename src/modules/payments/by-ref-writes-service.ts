import { DomainError } from '../../kernel/errors.ts'
import type { ByRefWrites } from '../pending-writes/by-ref-writes.ts'
import { parentClientOf, restatedOwned, withClientId } from '../pending-writes/parent-client.ts'
import type { Restate } from '../pending-writes/pending-write.ts'
import type { ReferenceService } from '../references/service.ts'
import { putPaymentByRef } from './by-ref-service.ts'
import { newPutFrom, saidFrom } from './input.ts'
import { checkNewPayment } from './receipt.ts'
import { refuseMisplaced, stepFor } from './said.ts'
import { type PutPaymentBody, toApi } from './schemas.ts'
import type { PaymentService } from './service.ts'

type Deps = Readonly<{ payments: PaymentService; references: ReferenceService; newId: () => string }>

/** What has no place in a status that is stated afterwards: announced money was not received, and only what is gone has a reason for it. */
const misplaced: Readonly<Record<string, readonly string[]>> = {
  pending: ['received_on', 'reversal_reason', 'reversed_on'],
  settled: ['reversal_reason', 'reversed_on']
}

/** Of a payment that waits, as of one that is there: another status takes away what has no place in it. */
const restatedPayment: Restate = (before, said) => {
  const gone = misplaced[String(said['status'])] ?? []
  const kept = Object.fromEntries(Object.entries(before).filter(([field]) => !gone.includes(field)))
  return restatedOwned(kept, said)
}

/** A payment waits for its client. */
export function paymentWrites(services: Deps): ByRefWrites {
  const { payments, references, newId } = services
  const idOf = async (reader: Parameters<ByRefWrites['unchanged']>[0], ref: Parameters<ByRefWrites['unchanged']>[1]) => {
    const found = await references.find(reader, { kind: 'payment', ...ref })
    if (found === undefined) throw new DomainError('not_found', 'There is no payment with this reference.')
    return found.objectId
  }
  return {
    parentOf: parentClientOf,
    withParent: withClientId,
    outlivesDeletion: false,

    restating: async () => restatedPayment,

    async check(tx, { ref, body }, id) {
      const owned: PutPaymentBody = withClientId(body, newId())
      if (id === null) return checkNewPayment(await newPutFrom(tx, { ref, body: owned }, references))
      const { payment } = await payments.get(tx, id)
      const { status, currency: of } = payment
      const said = await saidFrom(tx, { body: owned, of }, references)
      refuseMisplaced(stepFor(status, owned.status), said, { status, saidStatus: owned.status })
    },

    async put(tx, { ref, body, sourceVersion }) {
      const version = sourceVersion === null ? {} : { source_version: Number(sourceVersion) }
      const input = { ref, body: { ...(body as PutPaymentBody), ...version } }
      const { status, view, applied } = await putPaymentByRef(tx, input, services)
      return { status, body: { ...toApi(view), applied } }
    },

    async remove(tx, ref) {
      const id = await idOf(tx, ref)
      const { payment } = await payments.get(tx, id)
      const reason = 'deleted_upstream'
      if (payment.status === 'pending') await payments.fail(tx, id, { reason })
      if (payment.status === 'failed') await payments.forget(tx, { id, reason })
      if (payment.status === 'settled') await payments.reverse(tx, { id, reason, reversedOn: null })
      return { status: 204, body: null }
    },

    unchanged: async (reader, ref) => ({
      status: 200,
      body: { ...toApi(await payments.get(reader, await idOf(reader, ref))), applied: false }
    })
  }
}
