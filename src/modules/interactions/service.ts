import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventService } from '../events/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { type Interaction, interactionOf, type NewInteraction } from './interaction.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

export type InteractionServiceDeps = Readonly<{
  newId: () => string
  events: EventService
  organizations: OrganizationService
  clients: ClientService
  invoices: InvoiceService
}>

export type EntryOutcome = repository.EntryOutcome

export function createInteractionService({ newId, events, organizations, clients, invoices }: InteractionServiceDeps) {
  async function contactIdsOf(reader: Reader, clientId: string): Promise<string[]> {
    const client = (await clients.getMany(reader, [clientId])).get(clientId)
    return client?.contacts.map(({ id }) => id) ?? []
  }

  return {
    async get(reader: Reader, id: string): Promise<Interaction> {
      const found = await repository.find(reader, id)
      if (found === undefined) throw new DomainError('not_found', 'There is no such interaction.')
      return found
    },

    page: (reader: Reader, filter: repository.InteractionFilter): Promise<Interaction[]> => repository.page(reader, filter),

    /**
     * Logs what was said. The client is locked, so that it is not deleted meanwhile and its contacts stay as they are.
     * @throws DomainError naming the field: an unknown client, an invoice or a contact that is not the client's, an instant that
     * is still to come.
     */
    async log(tx: Tx, input: NewInteraction): Promise<Interaction> {
      const { clientId, contactId } = input
      // In one trip. The contacts are read after the lock.
      const [books, , clientOfInvoice, contactIds] = await Promise.all([
        organizations.books(tx),
        clients.lock(tx, clientId),
        invoices.clientsOf(
          tx,
          input.invoices.map(({ id }) => id)
        ),
        contactId === null ? [] : contactIdsOf(tx, clientId)
      ])
      const around = { now: books.now, clientOfInvoice, contactIds: new Set(contactIds) }
      const interaction = interactionOf(input, around, { id: newId(), at: books.now })
      repository.insert(tx, interaction)
      const subject = { kind: 'interaction', id: interaction.id, version: 1 }
      const draft = { type: 'interaction.logged', subject, clientId, object: toApi(interaction), previous: null } as const
      await events.append(tx, { occurredAt: books.now, drafts: [draft] })
      return interaction
    },

    /** What came of each of these stage entries, in the order in which it happened; an empty list where nothing is known. */
    async outcomesOf(reader: Reader, entryIds: readonly string[]): Promise<ReadonlyMap<string, readonly EntryOutcome[]>> {
      const outcomes = new Map<string, EntryOutcome[]>(entryIds.map((id) => [id, []]))
      if (entryIds.length === 0) return outcomes
      for (const outcome of await repository.outcomesOf(reader, entryIds)) outcomes.get(outcome.entryId)?.push(outcome)
      return outcomes
    }
  }
}

export type InteractionService = ReturnType<typeof createInteractionService>
