import type { Reader } from '../../db/client.ts'
import type { ReferenceService } from '../references/service.ts'
import type { NamedInvoice, NewInteraction } from './interaction.ts'
import type { LogInteractionBody } from './schemas.ts'

/** Finds what the body names by references. */
export async function newInteractionFrom(
  reader: Reader,
  body: LogInteractionBody,
  references: ReferenceService
): Promise<NewInteraction> {
  const [clientId, referred] = await Promise.all([
    references.resolve(reader, {
      kind: 'client',
      id: body.client_id,
      ref: body.client_ref,
      pointers: { id: '/client_id', ref: '/client_ref' }
    }),
    Promise.all(
      (body.invoice_refs ?? []).map(async (ref, index): Promise<NamedInvoice> => {
        const pointer = `/invoice_refs/${index}`
        return { id: await references.getId(reader, { kind: 'invoice', ref, pointer }), pointer }
      })
    )
  ])
  const named = (body.invoice_ids ?? []).map((id, index) => ({ id, pointer: `/invoice_ids/${index}` }))
  return {
    clientId,
    invoices: [...named, ...referred],
    kind: body.kind,
    direction: body.direction ?? null,
    contactId: body.contact_id ?? null,
    by: body.by ?? null,
    minutes: body.minutes ?? null,
    outcome: body.outcome ?? null,
    nonPaymentReason: body.non_payment_reason ?? null,
    occurredAt: body.occurred_at === undefined ? null : new Date(body.occurred_at),
    summary: body.summary ?? null,
    dunningEntryId: null,
    metadata: body.metadata ?? {}
  }
}
