import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const tenthOfJanuary = { issued_on: '2026-01-01', due_on: '2026-01-10' }

test('the event of a stage carries what is needed to write to the client, and the invoice exactly as GET returns it', async () => {
  const ledger = await newLedger({ timeZone: 'Asia/Tehran' })
  const policyId = await ledger.usePolicy([
    { code: 'reminder', offset_days: 3, tone: 'friendly' },
    { code: 'final', offset_days: 4, tone: 'final', grace_days: 7 }
  ])
  const contacts = [{ name: 'Ann', role: 'billing', email: 'ann@example.com' }]
  const clientId = await ledger.addClient({ name: 'Bob & Co', locale: 'fa-IR', contacts })
  const { id } = await ledger.issue(clientId, {
    ...tenthOfJanuary,
    payment_links: [{ kind: 'card', url: 'https://pay.example.com/1' }]
  })
  await ledger.advance('2026-01-13T20:30:00Z')
  const [reminder, final] = await ledger.events('invoice.dunning_stage_entered')
  const [, entry] = await ledger.entries(id)
  expect(reminder?.context['stage']).toMatchObject({ code: 'reminder', deadline_on: null, skipped: [] })
  expect(final?.object).toEqual(await ledger.invoice(id))
  expect(final?.previous).toMatchObject({ dunning: { stage: 'reminder', next_stage: 'final' } })
  expect(final?.context).toMatchObject({
    client: {
      ...{ id: clientId, name: 'Bob & Co', locale: 'fa-IR', time_zone: 'Asia/Tehran' },
      contacts: [{ name: 'Ann', role: 'billing', email: 'ann@example.com', locale: 'fa-IR', do_not_contact: false }]
    },
    amounts: { currency: 'EUR', total: '100.00', balance: '100.00' },
    days_overdue: 4,
    stage: {
      code: 'final',
      offset_days: 4,
      tone: 'final',
      action: null,
      grace_days: 7,
      deadline_on: '2026-01-21',
      repetition: 1,
      skipped: []
    },
    policy: { id: policyId, version: 1 },
    calendar_version: 1,
    entry_id: entry?.id
  })
})

test('the event is fired though nobody can be written to, and once, not once per contact', async () => {
  const { addClient, issue, usePolicy, advance, events } = await newLedger()
  await usePolicy([{ code: 'reminder', offset_days: 3 }])
  const contacts = ['Ann', 'Bea', 'Cem'].map((name) => ({ name, role: 'billing', email: `${name}@example.com` }))
  for (const clientId of [await addClient(), await addClient({ contacts })]) await issue(clientId, tenthOfJanuary)
  await advance('2026-01-13T00:00:00Z')
  const told = await events('invoice.dunning_stage_entered', 'client.dunning_notice_due')
  expect(told.map(({ type }) => type)).toEqual([
    'invoice.dunning_stage_entered',
    'invoice.dunning_stage_entered',
    'client.dunning_notice_due',
    'client.dunning_notice_due'
  ])
  expect(told.map(({ context }) => (context['client'] as { contacts: unknown[] }).contacts.length).toSorted()).toEqual([
    0, 0, 3, 3
  ])
})

test('overdue and a stage in the same sweep raise the version once, and both events carry the same invoice', async () => {
  const { addClient, issue, usePolicy, advance, events } = await newLedger()
  await usePolicy([{ code: 'at once', offset_days: 1 }])
  await issue(await addClient(), tenthOfJanuary)
  await advance('2026-01-11T00:00:00Z')
  const [overdue, entered] = await events('invoice.overdue', 'invoice.dunning_stage_entered')
  expect(overdue?.object).toEqual(entered?.object)
  expect(overdue?.object).toMatchObject({ version: 2, is_overdue: true, dunning: { stage: 'at once' } })
})

test('a notice is one per client and sweep, ranks stages across policies, and has the deadline of the highest', async () => {
  const { call, addClient, issue, usePolicy, advance, events } = await newLedger()
  await usePolicy([{ code: 'reminder', offset_days: 3 }])
  const stages = [{ code: 'ultimatum', offset_days: 5, tone: 'final', grace_days: 14 }]
  const strict = await call<{ id: string }>('POST', '/v1/dunning-policies', {
    body: { name: 'Strict', stages, business_days: false, send_at: '00:00' }
  })
  const clientId = await addClient()
  await issue(clientId, tenthOfJanuary)
  await issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-08', dunning_policy_id: strict.body.id })
  await issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-12' })
  await advance('2026-01-16T00:00:00Z')
  const notices = await events('client.dunning_notice_due')
  expect(
    notices.map(({ occurredAt, context }) => [occurredAt.slice(0, 10), (context['obligations'] as unknown[]).length])
  ).toEqual([
    ['2026-01-13', 3],
    ['2026-01-15', 3]
  ])
  expect(notices[1]?.context['highest_stage']).toEqual({
    ...{ code: 'ultimatum', offset_days: 5, tone: 'final', action: null },
    deadline_on: '2026-01-27'
  })
  expect(notices[1]?.object).toMatchObject({ id: clientId, version: 1 })
})
