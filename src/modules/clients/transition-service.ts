import { inParts } from '../../db/parts.ts'
import { type Changes, createChanges } from '../events/changes.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import { type Client, eventTypesOf } from './client.ts'
import { toDocument } from './client-document.ts'
import * as repository from './repository.ts'

/** The event of a client. Its object is what GET returns. */
export function eventOf(type: EventType, client: Client, about: Pick<EventDraft, 'previous' | 'context'>): EventDraft {
  const subject = { kind: 'client', id: client.id, version: client.version }
  return { type, subject, clientId: client.id, object: toDocument(client), ...about }
}

/** Derives the events of the clients that a transaction changes, once each, from the states before and after. */
export function createTransitions(events: EventService): Changes<Client, object> {
  return createChanges<Client, Readonly<{ now: Date }>>({
    events,
    idOf: ({ id }) => id,
    read: repository.findMany,
    inParts,
    draftsOf({ before, after, isNew, contexts }) {
      const previous = previousOf(toDocument(before), toDocument(after))
      const changed = eventTypesOf(before, after).map((type) => eventOf(type, after, { previous, context: contexts[type] ?? {} }))
      return isNew ? [eventOf('client.created', after, { previous: null }), ...changed] : changed
    }
  })
}
