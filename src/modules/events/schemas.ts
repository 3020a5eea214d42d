import { type Static, Type } from 'typebox'
import { closed, Id, InstantText, named, nullable, oneOf, optional, PAGE_MAX, pageQuery } from '../../http/schemas.ts'
import { type EventType, eventTypes, ROWS_IN_BODY } from './event.ts'
import type { EventRow } from './repository.ts'

/** When each fires: the document's, the list's and the consumer's one source. */
export const firesWhen: Readonly<Record<EventType, string>> = {
  'client.created': 'A client was made.',
  'client.updated': 'Something of a client changed.',
  'client.deleted': 'A client without a ledger was deleted.',
  'client.dunning_notice_due':
    'A stage was entered for a client: once per client and currency in a sweep, with all that is open there: the totals and `obligations_count` are of all, `obligations` are the first 50 by due date, `obligations_url` is the path of the rest, null if there is none. For who sends one message per client.',
  'client.service_suspended':
    'A stage of dunning asks you to stop serving this client until it has paid; again where the payment bounces.',
  'client.service_ending': 'A stage of dunning asks you to end the service of this client.',
  'client.service_restored': 'What had the service suspended or ended is settled, or was a mistake.',
  'client.offboarding_started': 'You are parting with this client: no new invoices, what is open goes on being collected.',
  'client.offboarding_completed':
    'Nothing is owed any more by a client that you are parting with. Carries the closing statement.',
  'client.risk_band_changed': 'The client moved into another risk band. The context has the score and its reasons.',
  'client.processing_parked':
    'Something due for this client made no progress, or failed. It is put off and looked at again after a minute at first, every hour at last; everything else goes on. `context.parked` names what, `context.reason` says `no_progress` or `failed`. Once until it goes on.',
  'invoice.created':
    'An invoice was issued. Where credit of the client settled it at once, `invoice.paid` or `invoice.partially_paid` follows.',
  'invoice.updated':
    'Settings or the total of an invoice changed, or more of it is open than before. One change can bring `invoice.updated`, `invoice.rescheduled` and one of the events that follow, in this order, each with the invoice as the change leaves it.',
  'invoice.rescheduled': 'The due date was moved, which starts the next dunning cycle.',
  'invoice.overdue': 'The day after the due date began and something is still open; once per cycle.',
  'invoice.partially_paid': 'A payment, a credit note or a discount settled a part; the rest is still open.',
  'invoice.paid': 'Nothing is open any more: by money, a credit note, a discount, or a lower total.',
  'invoice.reopened':
    'A paid or written-off invoice is open again: a payment was reversed, a discount was taken back, or the total was raised.',
  'invoice.voided': 'An invoice was taken back.',
  'invoice.written_off': 'What was open was given up.',
  'invoice.dunning_stage_entered':
    'An invoice entered a stage of its dunning policy; once per stage and repetition. `context.amounts` names its balance, what of it is disputed, covered by unapplied credit, announced or promised, and net_total, what is asked for; where that changed before it could be sent, it is told afresh with `replaces_event_ids`.',
  'invoice.dunning_blocked':
    'An invoice became overdue, or arrived overdue and started silently, and is not dunned: a hold over its client without an end, placed before the invoice was recorded, keeps it from being dunned. Once per invoice and cycle. `context.holds` names the holds to review.',
  'invoice.dunning_cleared': 'An invoice that was in a stage is settled, void or written off.',
  'invoice.dunning_retracted': 'A stage turned out to be entered by mistake, by what was recorded later: time to apologize.',
  'payment.pending': 'Money was announced.',
  'payment.settled': 'Money came in.',
  'payment.updated': 'Its source says something else of a payment that stays what it is: what describes it, or when it matures.',
  'payment.failed': 'Announced money will not come.',
  'payment.unconfirmed':
    'Announced money should have shown on the account by now, and nothing was said of it; once. It stays pending, and holds nothing any more.',
  'payment.reversed': 'A payment was taken back.',
  'pending_write.refused':
    'A write by reference was refused when the object that it had waited for was created. It stays in the list of pending writes, with the problem.',
  'payment_plan.proposed': 'A plan was proposed to the client.',
  'payment_plan.accepted': 'The client agreed: the installments are what is due now.',
  'payment_plan.rejected': 'The client did not agree.',
  'payment_plan.expired': 'A proposal was not accepted in time.',
  'payment_plan.completed': 'Everything agreed was paid; what the discount leaves is given up.',
  'payment_plan.broken': 'Too many installments were missed: the discount is void, and dunning goes on where the age says.',
  'payment_plan.restored': 'A plan that had ended goes on, because of what was recorded later.',
  'payment_plan.cancelled': 'A plan or a proposal was ended by hand, replaced, or its invoices were closed without money.',
  'installment.due_soon': 'An installment is due in three days.',
  'installment.due': 'An installment is due today.',
  'installment.missed': 'An installment was not filled by the end of its grace.',
  'installment.paid': 'An installment is filled, or what is left of it is owed no more.',
  'promise.made': 'The client promised to pay; again, where a payment that had kept it was taken back in time.',
  'promise.kept': 'What was promised was paid by its day and the grace.',
  'promise.broken': 'The day and the grace are over and less was paid; or a payment that had kept it was taken back.',
  'promise.cancelled': 'A promise was taken back, or its invoices were closed without money.',
  'credit_note.issued': 'Something was taken from what an invoice claims, without money.',
  'dispute.opened': 'A client contests an invoice, or an amount of it, which is not dunned from now on.',
  'dispute.resolved': 'A dispute ended: upheld, partly upheld, rejected or withdrawn.',
  'dispute.overdue': 'The day by which you wanted to answer a dispute is over, and it is open still; once per dispute.',
  'hold.placed': 'Something stops being dunned: by hand, or by an agreement that says so.',
  'hold.released': 'A hold ended. Dunning goes on when no other holds the same.',
  'hold.review_due':
    'Nothing is open any more that a hold was placed for, which has no end: release it, or it holds new invoices of the client too. Once, and again where some of it was open once more.',
  'interaction.logged': 'What was said to a client, or by it, was logged; what came of a stage entry too.',
  'webhook_endpoint.failing':
    'An endpoint has not answered 2xx for so long that it will be disabled: at half, 70 and 90 percent of the five days. Sent to the other endpoints.',
  'webhook_endpoint.disabled':
    'An endpoint gets nothing more: it said that it is gone, or gave no 2xx for five days. Sent to the other endpoints.',
  'webhook_endpoint.test': 'You asked for it. Sent to that endpoint alone.'
}

export const EventSchema = named(
  'Event',
  closed({
    id: Type.String({ format: 'uuid', description: 'The webhook-id of its deliveries' }),
    seq: nullable(
      Type.String({
        description: 'Its place in the order of the organization, without gaps; null for its first moments',
        examples: ['1024']
      })
    ),
    type: oneOf(eventTypes),
    object: closed({ kind: Type.String(), id: Id, version: Type.Integer() }),
    client_id: nullable(Id),
    occurred_at: InstantText,
    recorded_at: InstantText,
    body: Type.Unsafe<Record<string, unknown> | null>({
      type: ['object', 'null'],
      additionalProperties: true,
      description: 'As it is sent; null once its retention is over'
    }),
    body_sha256: Type.String({ description: 'Of the exact bytes that are sent' }),
    chain_hash: nullable(
      Type.String({ description: 'SHA-256 of the former hash, seq, id, type and body_sha256, a line each: a later change shows' })
    )
  })
)
export const RestParams = closed({
  id: Id,
  list: Type.String({ minLength: 1, maxLength: 64, description: 'The list’s name in `context`, such as `obligations`' })
})
export const RestQuery = closed(pageQuery)
export const RestPageSchema = closed({
  data: Type.Array(Type.Unsafe<unknown>({ description: 'As the rows in the body' }), { maxItems: PAGE_MAX }),
  next_cursor: nullable(Type.String({ description: 'Null on the last page' }))
})
export const EventTypeSchema = named('EventType', closed({ type: oneOf(eventTypes), fires_when: Type.String() }))
export const eventSchemas = [EventSchema, EventTypeSchema]

export const EventQuery = closed({
  ...pageQuery,
  ...optional({
    after_id: Type.String({
      format: 'uuid',
      description:
        'Events after this one only: the id of the last one that you have. Unlike a cursor, it may be used with any filter. 410 `position_lost` if the database was restored from a backup that does not have it.'
    }),
    after_seq: Type.String({
      pattern: '^[0-9]{1,18}$',
      description:
        'Events after this seq only. 410 `position_lost` if it is beyond the last one. After a restore the same seq may be another event, which only `after_id` and a cursor find out.'
    }),
    type: oneOf(eventTypes),
    object_id: Id,
    client_id: Id,
    from: Type.String({
      format: 'date-time',
      description: 'Events that occurred from then on, in the organization’s time: of a test organization, its clock’s'
    }),
    to: Type.String({ format: 'date-time', description: 'And before, in the same time' })
  })
})

export function toApi(row: EventRow): Static<typeof EventSchema> {
  return {
    id: row.id,
    seq: row.seq === null ? null : String(row.seq),
    type: row.type,
    object: { kind: row.objectKind, id: row.objectId, version: row.objectVersion },
    client_id: row.clientId,
    occurred_at: row.occurredAt.toISOString(),
    recorded_at: row.recordedAt.toISOString(),
    body: row.body === null ? null : (JSON.parse(row.body) as Record<string, unknown>),
    body_sha256: row.bodySha256,
    chain_hash: row.chainHash
  }
}

const components: Readonly<Record<string, string>> = {
  client: 'Client',
  invoice: 'Invoice',
  payment: 'Payment',
  pending_write: 'PendingWrite',
  credit_note: 'CreditNote',
  dispute: 'Dispute',
  hold: 'Hold',
  payment_plan: 'PaymentPlan',
  installment: 'PaymentPlan',
  promise: 'Promise',
  interaction: 'Interaction',
  webhook_endpoint: 'WebhookEndpoint'
}

/** The document's section on what is sent: one entry per type of event, all of one shape. */
export function webhooksOfDocument() {
  return Object.fromEntries(eventTypes.map((type) => [type, { post: operationOf(type) }]))
}

function operationOf(type: EventType) {
  const kind = type.split('.')[0] ?? type
  const data = {
    type: 'object',
    required: ['organization_id', 'object', 'previous', 'context'],
    properties: {
      organization_id: { type: 'string', format: 'uuid' },
      object: { $ref: `#/components/schemas/${components[kind] ?? kind}`, description: 'Exactly what GET returns' },
      previous: {
        type: ['object', 'null'],
        additionalProperties: true,
        description: 'The former values of the fields that changed'
      },
      context: {
        type: 'object',
        additionalProperties: true,
        description: `What is needed to act without calling back. A list has at most ${ROWS_IN_BODY} rows; where there are more, \`<list>_count\` is their number and \`<list>_url\` the path of the rest`
      }
    }
  }
  const body = {
    type: 'object',
    required: ['type', 'timestamp', 'data'],
    properties: {
      id: {
        type: 'string',
        format: 'uuid',
        description: 'The event’s id, as in the header webhook-id; absent from events that a former release recorded'
      },
      type: { type: 'string', const: type },
      timestamp: { type: 'string', format: 'date-time' },
      data
    }
  }
  return {
    operationId: `on_${type.replace('.', '_')}`,
    tags: ['Webhooks'],
    summary: firesWhen[type],
    description:
      'Signed by Standard Webhooks: verify webhook-signature over webhook-id, webhook-timestamp and the body before you believe it.',
    security: [],
    requestBody: { required: true, content: { 'application/json': { schema: body } } },
    responses: {
      '2XX': { description: 'Received. Anything else is tried again.' },
      '410': { description: 'Gone: the endpoint is disabled.' },
      '413': { description: 'Too large: this event is not sent again unless its delivery is retried by hand.' }
    }
  }
}
