/** Every type of event that is fired now. Consumers subscribe to these, to `object.*`, or to `*`. */
export const eventTypes = [
  'client.created',
  'client.updated',
  'client.deleted',
  'client.dunning_notice_due',
  'client.service_suspended',
  'client.service_ending',
  'client.service_restored',
  'client.offboarding_started',
  'client.offboarding_completed',
  'client.risk_band_changed',
  'client.processing_parked',
  'invoice.created',
  'invoice.updated',
  'invoice.rescheduled',
  'invoice.overdue',
  'invoice.partially_paid',
  'invoice.paid',
  'invoice.reopened',
  'invoice.voided',
  'invoice.written_off',
  'invoice.dunning_stage_entered',
  'invoice.dunning_blocked',
  'invoice.dunning_cleared',
  'invoice.dunning_retracted',
  'payment.pending',
  'payment.settled',
  'payment.updated',
  'payment.failed',
  'payment.unconfirmed',
  'payment.reversed',
  'pending_write.refused',
  'payment_plan.proposed',
  'payment_plan.accepted',
  'payment_plan.rejected',
  'payment_plan.expired',
  'payment_plan.completed',
  'payment_plan.broken',
  'payment_plan.restored',
  'payment_plan.cancelled',
  'installment.due_soon',
  'installment.due',
  'installment.missed',
  'installment.paid',
  'promise.made',
  'promise.kept',
  'promise.broken',
  'promise.cancelled',
  'credit_note.issued',
  'dispute.opened',
  'dispute.resolved',
  'dispute.overdue',
  'hold.placed',
  'hold.released',
  'hold.review_due',
  'interaction.logged',
  'webhook_endpoint.failing',
  'webhook_endpoint.disabled',
  'webhook_endpoint.test'
] as const

export type EventType = (typeof eventTypes)[number]

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }
export type JsonObject = { readonly [key: string]: JsonValue | undefined }

/** What a command says happened. `object` is exactly what GET returns; `previous` holds the former values of what changed. */
export type EventDraft = Readonly<{
  type: EventType
  subject: Readonly<{ kind: string; id: string; version: number }>
  clientId: string | null
  object: object
  previous?: object | null
  context?: object
}>

/** A body has so many rows of each list of its context. */
export const ROWS_IN_BODY = 50

/** By list, the rows that come after those in the body. */
export type Rest = Readonly<Record<string, readonly JsonValue[]>>

/** The draft with as much of each list of its context as a body holds, how many rows there are and where the others are; and these. */
export function fitted(id: string, draft: EventDraft): Readonly<{ draft: EventDraft; rest: Rest | null }> {
  const long = Object.entries(draft.context ?? {}).filter(isLong)
  if (long.length === 0) return { draft, rest: null }
  const cut = long.flatMap(([name, rows]) => [
    [name, rows.slice(0, ROWS_IN_BODY)],
    [`${name}_count`, rows.length],
    [`${name}_url`, `/v1/events/${id}/rest/${name}`]
  ])
  const rest = Object.fromEntries(long.map(([name, rows]) => [name, rows.slice(ROWS_IN_BODY)]))
  return { draft: { ...draft, context: { ...draft.context, ...Object.fromEntries(cut) } }, rest }
}

function isLong(member: [string, unknown]): member is [string, readonly JsonValue[]] {
  return Array.isArray(member[1]) && member[1].length > ROWS_IN_BODY
}

/**
 * Writes the bodies that are signed and sent: Standard Webhooks' `{type, timestamp, data}` with the event's id before it, for who keeps
 * bodies without their headers, and one shape of `data` for all.
 * An object that several events carry is written once.
 */
export function bodiesOf({ orgId, occurredAt }: { orgId: string; occurredAt: Date }): (id: string, draft: EventDraft) => string {
  const start = `,"timestamp":${JSON.stringify(occurredAt)},"data":{"organization_id":${JSON.stringify(orgId)},"object":`
  const written = new Map<object, string>()
  const textOf = (object: object): string => {
    const known = written.get(object)
    if (known !== undefined) return known
    const text = JSON.stringify(object)
    written.set(object, text)
    return text
  }
  return (id, { type, object, previous, context }) =>
    `{"id":${JSON.stringify(id)},"type":${JSON.stringify(type)}${start}${textOf(object)},"previous":${JSON.stringify(previous ?? null)},"context":${JSON.stringify(context ?? {})}}}`
}

/** What the chain hashes of an event, in this order. The body is in it through its own hash, so erasing bodies breaks nothing. */
export function chainInput(previousHash: string, event: { seq: bigint; id: string; type: string; bodySha256: string }): string {
  return [previousHash, event.seq, event.id, event.type, event.bodySha256].join('\n')
}

/** What a log of events has at a number: the event, where there is one, and the number of the last. */
export type Place = Readonly<{ id: string | null; lastSeq: bigint }>

/**
 * Whether a reader has been further than this log, or on another one: a database that was restored from a backup lacks what came after
 * it, and gives the same numbers to other events. The id of an event tells its log from every other; who has the number alone is found
 * out while it lies beyond the end.
 */
export function isLost(after: Readonly<{ seq: bigint; id: string | null }>, { id, lastSeq }: Place): boolean {
  return after.seq > lastSeq || (after.id !== null && after.id !== id)
}
