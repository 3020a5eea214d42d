import { type Static, Type } from 'typebox'
import {
  closed,
  ExternalRef,
  Id,
  InstantText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  updatedSince
} from '../../http/schemas.ts'
import type { NewReplay, Replay } from './replay-service.ts'
import { undelivered } from './replay-service.ts'
import { Subscription } from './schemas.ts'

const states = ['failed', 'cancelled', 'superseded', 'missing', 'succeeded'] as const
const States = Type.Array(oneOf(states), {
  minItems: 1,
  uniqueItems: true,
  description:
    'What became of the event at this endpoint; `missing`: it was disabled, or not there. Unless said, what failed, was cancelled or is missing. What is queued is never queued twice'
})
const filters = {
  event_types: nullable(
    Type.Array(Subscription, { minItems: 1, maxItems: 60, uniqueItems: true, description: 'Null for all that it takes' })
  ),
  client_id: nullable(Id),
  states: States
}
const From = Type.String({ format: 'date-time', description: 'Events that were recorded from then on, in real time' })

export const StartReplay = closed(
  {
    from: From,
    ...optional({
      to: Type.String({ format: 'date-time', description: 'And before; now unless said' }),
      ...filters,
      client_ref: ref(ExternalRef)
    })
  },
  { examples: [{ from: '2026-03-10T08:00:00Z', to: '2026-03-10T12:00:00Z', event_types: ['invoice.*'] }] }
)

export const ReplaySchema = named(
  'WebhookReplay',
  closed({
    id: Id,
    endpoint_id: Id,
    from: InstantText,
    to: InstantText,
    ...filters,
    status: oneOf(['running', 'done', 'cancelled', 'failed'], {
      description: '`failed`: a step of it failed, for a reason that does not pass; the log of the service says why, by its id'
    }),
    queued: Type.Integer({ description: 'Events that it queued so far; never many more at a time than the endpoint takes' }),
    created_at: InstantText,
    updated_at: InstantText,
    finished_at: nullable(InstantText)
  })
)
export const ReplayQuery = closed({ ...pageQuery, ...updatedSince, ...optional({ endpoint_id: Id }) })

export function replayFrom(endpointId: string, body: Static<typeof StartReplay>): NewReplay {
  return {
    endpointId,
    from: new Date(body.from),
    to: body.to === undefined ? null : new Date(body.to),
    eventTypes: body.event_types ?? null,
    ...(body.client_id !== null && { clientId: body.client_id }),
    clientRef: body.client_ref,
    states: body.states ?? undelivered
  }
}

export function replayToApi(replay: Replay): Static<typeof ReplaySchema> {
  return {
    id: replay.id,
    endpoint_id: replay.endpointId,
    from: replay.fromAt.toISOString(),
    to: replay.toAt.toISOString(),
    event_types: replay.eventTypes,
    client_id: replay.clientId,
    states: replay.states as (typeof states)[number][],
    status: replay.status,
    queued: replay.queued,
    created_at: replay.createdAt.toISOString(),
    updated_at: replay.updatedAt.toISOString(),
    finished_at: replay.finishedAt?.toISOString() ?? null
  }
}
