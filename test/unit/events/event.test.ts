import { expect, test } from 'vitest'
import { bodiesOf, fitted, ROWS_IN_BODY } from '../../../src/modules/events/event.ts'

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

test('a body has the first 50 rows of each list of its context, their number and where the others are', () => {
  const holds = Array.from({ length: ROWS_IN_BODY + 2 }, (_, index) => ({ id: index }))
  const [first, rest] = [holds.slice(0, ROWS_IN_BODY), holds.slice(ROWS_IN_BODY)]
  const short = { names: ['one'], days: 3 }
  const draft = { type: 'invoice.overdue' as const, subject, clientId: null, object: { id: subject.id } }
  const cut = fitted(eventId, { ...draft, context: { ...short, holds, ids: holds.map(({ id }) => String(id)) } })
  expect(cut.draft.context).toEqual({
    ...short,
    holds: first,
    holds_count: ROWS_IN_BODY + 2,
    holds_url: `/v1/events/${eventId}/rest/holds`,
    ids: first.map(({ id }) => String(id)),
    ids_count: ROWS_IN_BODY + 2,
    ids_url: `/v1/events/${eventId}/rest/ids`
  })
  expect(cut.rest).toEqual({ holds: rest, ids: rest.map(({ id }) => String(id)) })
  expect(fitted(eventId, { ...draft, context: { ...short, holds: first } })).toEqual({
    draft: { ...draft, context: { ...short, holds: first } },
    rest: null
  })
})
