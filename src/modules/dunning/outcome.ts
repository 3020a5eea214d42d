import type { Direction, InteractionKind, MessageOutcome, NewInteraction } from '../interactions/interaction.ts'
import type { Entry } from './entry.ts'

/** By what way somebody was told. */
export const channels = ['e_mail', 'sms', 'letter', 'call', 'other'] as const
export type Channel = (typeof channels)[number]

/** What the consumer says came of telling somebody of a stage entry. */
export type OutcomeReport = Readonly<{
  outcome: MessageOutcome
  channel: Channel
  occurredAt: Date | null
  contactId: string | null
  note: string | null
}>

/** The same as the history shows it. */
export type EntryOutcome = Readonly<{ outcome: MessageOutcome; channel: Channel; occurredAt: Date; interactionId: string }>

export type EntryView = Entry & Readonly<{ outcomes: readonly EntryOutcome[] }>

/** A way that is none of ours is kept as a note, which has no direction. */
export function interactionOf(entry: Entry, report: OutcomeReport): NewInteraction {
  const { outcome, channel, occurredAt, contactId, note } = report
  const direction: Direction = outcome === 'answered' ? 'inbound' : 'outbound'
  return {
    clientId: entry.clientId,
    // An entry names an invoice of its client, so this one is never refused.
    invoices: [{ id: entry.invoiceId, pointer: '' }],
    kind: channel === 'other' ? 'note' : channel,
    direction: channel === 'other' ? null : direction,
    contactId,
    by: null,
    minutes: null,
    outcome,
    nonPaymentReason: null,
    occurredAt,
    summary: note,
    dunningEntryId: entry.id,
    metadata: {}
  }
}

/** The way that an outcome was reported by. */
export function channelOf(kind: InteractionKind): Channel {
  return channels.find((channel) => channel === kind) ?? 'other'
}
