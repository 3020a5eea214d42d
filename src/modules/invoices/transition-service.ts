import { inParts } from '../../db/parts.ts'
import { type Changes, createChanges } from '../events/changes.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import type { Books } from '../organizations/organization.ts'
import { eventTypesOf, type InvoiceView } from './invoice.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

/** The event of an invoice. Its object is what GET returns. */
export function eventOf(
  type: EventType,
  view: InvoiceView,
  { books, previous }: { books: Books; previous?: object | null }
): EventDraft {
  const { id, version, clientId } = view.invoice
  return { type, subject: { kind: 'invoice', id, version }, clientId, object: toApi(view, books), previous: previous ?? null }
}

/** Derives the events of the invoices that a transaction changes, once each, from the states before and after. */
export function createTransitions(events: EventService): Changes<InvoiceView, Books> {
  return createChanges<InvoiceView, Books>({
    events,
    idOf: ({ invoice }) => invoice.id,
    read: repository.findMany,
    inParts,
    draftsOf({ before, after, isNew }, books) {
      // A new one that nothing changed since has nothing to compare.
      if (isNew && before === after) return [eventOf('invoice.created', after, { books })]
      const previous = previousOf(toApi(before, books), toApi(after, books))
      const changed = eventTypesOf(before, after).map((type) => eventOf(type, after, { books, previous }))
      return isNew ? [eventOf('invoice.created', after, { books }), ...changed] : changed
    }
  })
}
