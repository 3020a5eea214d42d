import { expect, test } from 'vitest'
import { bodiesOf } from '../../../src/modules/events/event.ts'

const orgId = '01890000-0000-7000-8000-000000000001'
const occurredAt = new Date('2026-01-05T09:00:00.123Z')
const eventId = '01890000-0000-7000-8000-000000000003'
const subject = { kind: 'invoice', id: '01890000-0000-7000-8000-000000000002', version: 3 }

test('a body has the one shape of all events, whatever is in its texts', () => {
  const bodyOf = bodiesOf({ orgId, occurredAt })
  const object = { id: subject.id, name: 'A "quoted"\n\u2028 \\ name', nothing: undefined }
  const body = bodyOf(eventId, {
    type: 'invoice.overdue',
    subject,
    clientId: null,
    object,
    previous: { name: null },
    context: { days_overdue: 1 }
  })
  expect(JSON.parse(body)).toEqual({
    id: eventId,
    type: 'invoice.overdue',
    timestamp: '2026-01-05T09:00:00.123Z',
    data: {
      organization_id: orgId,
      object: { id: subject.id, name: object.name },
      previous: { name: null },
      context: { days_overdue: 1 }
    }
  })
})

test('what an event does not say is null and empty, and two events may carry one object', () => {
  const bodyOf = bodiesOf({ orgId, occurredAt })
  const object = { id: subject.id }
  const bodies = (['invoice.created', 'invoice.updated'] as const).map((type) =>
    bodyOf(eventId, { type, subject, clientId: null, object })
  )
  const data = { organization_id: orgId, object, previous: null, context: {} }
  const timestamp = '2026-01-05T09:00:00.123Z'
  expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([
    { id: eventId, type: 'invoice.created', timestamp, data },
    { id: eventId, type: 'invoice.updated', timestamp, data }
  ])
})
