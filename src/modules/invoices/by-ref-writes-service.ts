import { DomainError } from '../../kernel/errors.ts'
import type { ByRefWrites } from '../pending-writes/by-ref-writes.ts'
import { parentClientOf, withClientId } from '../pending-writes/parent-client.ts'
import type { ReferenceService } from '../references/service.ts'
import { anewBody, putInvoiceByRef } from './by-ref-service.ts'
import { createBodyFrom, newInvoiceFrom } from './input.ts'
import { restated, restatedOver } from './restated.ts'
import type { PutInvoiceBody } from './schemas.ts'
import type { InvoiceService } from './service.ts'

type Deps = Readonly<{ invoices: InvoiceService; references: ReferenceService; newId: () => string }>

/** An invoice waits for its client. */
export function invoiceWrites({ invoices, references, newId }: Deps): ByRefWrites {
  const idOf = async (reader: Parameters<ByRefWrites['unchanged']>[0], ref: Parameters<ByRefWrites['unchanged']>[1]) => {
    const found = await references.find(reader, { kind: 'invoice', ...ref })
    if (found === undefined) throw new DomainError('not_found', 'There is no invoice with this reference.')
    return found.objectId
  }
  return {
    parentOf: parentClientOf,
    withParent: withClientId,
    outlivesDeletion: false,

    async restating(reader, ref) {
      const found = await references.find(reader, { kind: 'invoice', ...ref })
      const now = found === undefined ? undefined : await invoices.document(reader, found.objectId)
      if (now === undefined || now.status === 'void') return (before, said) => restated(before, said)
      const isInParts = now.due_schedule.length > 1
      return (before, said) =>
        restatedOver(before, said, { anew: anewBody({ now, body: before, clientId: now.client_id }), isInParts })
    },

    async check(tx, { ref, body }, id) {
      const [clientId, now] = [newId(), id === null ? undefined : await invoices.document(tx, id)]
      const owned: PutInvoiceBody = withClientId(body, clientId)
      const whole = now === undefined || now.status === 'void' ? owned : anewBody({ now, body: owned, clientId })
      await invoices.checkNew(tx, await newInvoiceFrom(tx, createBodyFrom(whole, ref), references, now))
    },

    async put(tx, { ref, body, sourceVersion }) {
      const version = sourceVersion === null ? {} : { source_version: Number(sourceVersion) }
      const input = { ref, body: { ...(body as PutInvoiceBody), ...version } }
      const { status, document, applied } = await putInvoiceByRef(tx, input, { invoices, references, newId })
      return { status, body: { ...document, applied } }
    },

    async remove(tx, ref) {
      const id = await idOf(tx, ref)
      const { status } = await invoices.document(tx, id)
      if (status !== 'void') await invoices.voidInvoice(tx, { id, replacedById: null })
      return { status: 204, body: null }
    },

    unchanged: async (reader, ref) => ({
      status: 200,
      body: { ...(await invoices.document(reader, await idOf(reader, ref))), applied: false }
    })
  }
}
