import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Interaction } from '../interactions/interaction.ts'
import type { InteractionService } from '../interactions/service.ts'
import type { Entry } from './entry.ts'
import * as history from './history-repository.ts'
import { channelOf, type EntryView, interactionOf, type OutcomeReport } from './outcome.ts'

export type EntryDeps = Readonly<{ interactions: InteractionService }>

/** The history of stage entries: what was entered, and what came of telling somebody. */
export function createEntryService({ interactions }: EntryDeps) {
  async function viewsOf(reader: Reader, entries: readonly Entry[]): Promise<EntryView[]> {
    const outcomes = await interactions.outcomesOf(
      reader,
      entries.map(({ id }) => id)
    )
    return entries.map((entry) => ({
      ...entry,
      outcomes: (outcomes.get(entry.id) ?? []).map(({ outcome, kind, occurredAt, interactionId }) => ({
        ...{ outcome, occurredAt, interactionId },
        channel: channelOf(kind)
      }))
    }))
  }

  async function find(reader: Reader, id: string): Promise<Entry> {
    const entry = await history.find(reader, id)
    if (entry === undefined) throw new DomainError('not_found', 'There is no such stage entry.')
    return entry
  }

  return {
    async getEntry(reader: Reader, id: string): Promise<EntryView> {
      const entry = await find(reader, id)
      const [view] = await viewsOf(reader, [entry])
      return view ?? { ...entry, outcomes: [] }
    },

    /** Newest first. */
    pageOfEntries: async (reader: Reader, filter: history.EntryFilter): Promise<EntryView[]> =>
      viewsOf(reader, await history.page(reader, filter)),

    /** Of all cycles of an invoice, the mistaken ones too, oldest first. */
    entriesOf: async (reader: Reader, invoiceId: string): Promise<EntryView[]> =>
      viewsOf(reader, await history.ofInvoice(reader, invoiceId)),

    /**
     * Logs what came of telling somebody; a message that is sent and then delivered is reported twice. Of a mistaken entry as
     * well: that nobody should have been told does not undo that somebody was.
     * @throws DomainError `not_found`; naming the field, a contact that is not the client's or an instant that is still to come.
     */
    reportOutcome: async (tx: Tx, { id, report }: { id: string; report: OutcomeReport }): Promise<Interaction> =>
      interactions.log(tx, interactionOf(await find(tx, id), report))
  }
}

export type EntryService = ReturnType<typeof createEntryService>
