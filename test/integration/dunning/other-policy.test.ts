import { afterAll, expect, test } from 'vitest'
import { refusalOf } from '../../support/app.ts'
import { done, policyBody, startDunning } from '../../support/dunning.ts'

// Whoever gives a client or an invoice another policy finds the open invoices on it, or is told that they are not.

const { newLedger, close } = await startDunning()
afterAll(close)

type Explanation = { obligations: { policy: { id: string }; policy_chosen_by: string }[] }

/** Due on 10 January, in the stage `reminder` since the 13th; the other policy has it at 3 days too, and `harsh` at 5. */
async function inFlight() {
  const ledger = await newLedger()
  const { call } = ledger
  const former = await ledger.usePolicy([
    { code: 'reminder', offset_days: 3 },
    { code: 'mild', offset_days: 20 }
  ])
  const stages = [
    { code: 'reminder', offset_days: 3 },
    { code: 'harsh', offset_days: 5 }
  ]
  const { id: other } = await done(call<{ id: string }>('POST', '/v1/dunning-policies', { body: policyBody(stages) }))
  const external_refs = [{ source: 'crm', id: 'C-1' }]
  const clientId = await ledger.addClient({ external_refs })
  const { id } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  const { id: later } = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-20' })
  await ledger.advance('2026-01-14T00:00:00Z')
  const chosen = async (of: string) => {
    const { obligations } = await done(call<Explanation>('GET', `/v1/invoices/${of}/dunning`))
    return obligations.map(({ policy, policy_chosen_by: by }) => [policy.id, by])
  }
  return { ledger, call, clientId, id, later, former, other, chosen }
}

test('an invoice in flight goes on under the policy that it is given: the answer shows it, and it happens', async () => {
  const { ledger, call, id, other, chosen } = await inFlight()
  const changed = await done(call('PATCH', `/v1/invoices/${id}`, { body: { dunning_policy_id: other } }))
  const next = { next_stage: 'harsh', next_at: '2026-01-15T00:00:00.000Z' }
  expect(changed).toMatchObject({ dunning: { policy_id: other, stage: 'reminder', ...next } })
  expect(await chosen(id)).toEqual([[other, 'invoice']])
  await ledger.advance(31)
  expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'harsh 2026-01-15'])
})

test('an invoice may be left to end its ladder under the policy that it started with', async () => {
  const { ledger, call, id, former, other, chosen } = await inFlight()
  const body = { dunning_policy_id: other, applies_to: 'new_invoices' }
  expect(await done(call('PATCH', `/v1/invoices/${id}`, { body }))).toMatchObject({ dunning: { policy_id: former } })
  expect(await chosen(id)).toEqual([[former, 'first_entry']])
  await ledger.advance(31)
  expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'mild 2026-01-30'])
})

test.each(['PATCH', 'PUT by-ref'])('a client’s other policy is for all its open invoices where %s states so', async (way) => {
  const { ledger, call, clientId, id, later, other, chosen } = await inFlight()
  const body = { dunning_policy_id: other, applies_to: 'all' }
  const url = way === 'PATCH' ? `/v1/clients/${clientId}` : '/v1/clients/by-ref?source=crm&id=C-1'
  const write = () => done(call(way === 'PATCH' ? 'PATCH' : 'PUT', url, { body }))
  const before = await ledger.invoice(id)
  expect(await write()).toMatchObject({ policy_change: { applies_to: 'all', invoices: 2 } })
  expect(await write()).not.toHaveProperty('policy_change')
  const { version, dunning } = await ledger.invoice(id)
  expect([version, dunning]).toEqual([before.version, expect.objectContaining({ policy_id: other, stage: 'reminder' })])
  expect([await chosen(id), await chosen(later)]).toEqual([[[other, 'client']], [[other, 'client']]])
  await ledger.advance('2026-01-14T00:01:00Z')
  const decided = await ledger.invoice(id)
  expect(decided.dunning).toMatchObject({ policy_id: other, stage: 'reminder', next_stage: 'harsh' })
  expect(decided.version).toBe(before.version + 1)
  await ledger.advance(31)
  expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'harsh 2026-01-15'])
  expect(await ledger.ladder(later)).toEqual(['reminder 2026-01-23', 'harsh 2026-01-25'])
})

test('a client’s other policy for new invoices leaves every open one on the policy that it has, entered or not', async () => {
  const { ledger, call, clientId, id, later, former, other, chosen } = await inFlight()
  const body = { dunning_policy_id: other, applies_to: 'new_invoices' }
  const changed = await done(call('PATCH', `/v1/clients/${clientId}`, { body }))
  expect(changed).toMatchObject({ policy_change: { applies_to: 'new_invoices', invoices: 2 } })
  expect((await ledger.invoice(later)).dunning).toMatchObject({ next_stage: 'reminder', next_at: '2026-01-23T00:00:00.000Z' })
  const updates = (await ledger.events('invoice.updated')).map(({ object, previous }) => [object.id, object.version, previous])
  const kept = { dunning_policy_id: null }
  expect(updates).toHaveLength(2)
  for (const [of, version, previous] of updates) {
    expect([id, later]).toContain(of)
    expect([version, previous]).toEqual([(await ledger.invoice(String(of))).version, expect.objectContaining(kept)])
  }
  const { id: fresh } = await ledger.issue(clientId, { issued_on: '2026-01-14', due_on: '2026-01-20' })
  expect([await chosen(id), await chosen(later), await chosen(fresh)]).toEqual([
    [[former, 'invoice']],
    [[former, 'invoice']],
    [[other, 'client']]
  ])
  await ledger.advance(31)
  expect(await ledger.ladder(later)).toEqual(['reminder 2026-01-23', 'mild 2026-02-09'])
  expect(await ledger.ladder(fresh)).toEqual(['reminder 2026-01-23', 'harsh 2026-01-25'])
})

test('a client’s policy is not changed without saying which invoices that is for, and an invoice’s own stays', async () => {
  const { call, clientId, id, former, other, chosen } = await inFlight()
  const refused = await call('PATCH', `/v1/clients/${clientId}`, { body: { dunning_policy_id: other } })
  expect(refusalOf(refused)).toBe('400 invalid_request /applies_to')
  await done(call('PATCH', `/v1/invoices/${id}`, { body: { dunning_policy_id: former } }))
  await done(call('PATCH', `/v1/clients/${clientId}`, { body: { dunning_policy_id: other, applies_to: 'all' } }))
  expect(await chosen(id)).toEqual([[former, 'invoice']])
  await done(call('PATCH', `/v1/clients/${clientId}`, { body: { dunning_policy_id: other } }))
})

test('a client’s other policy leaves an invoice that has its own, in flight under the one that it started with', async () => {
  const { call, clientId, id, former, other, chosen } = await inFlight()
  const own = await done(
    call<{ id: string }>('POST', '/v1/dunning-policies', { body: policyBody([{ code: 'own', offset_days: 9 }]) })
  )
  await done(call('PATCH', `/v1/invoices/${id}`, { body: { dunning_policy_id: own.id, applies_to: 'new_invoices' } }))
  const body = { dunning_policy_id: other, applies_to: 'all' }
  expect(await done(call('PATCH', `/v1/clients/${clientId}`, { body }))).toMatchObject({ policy_change: { invoices: 1 } })
  expect(await chosen(id)).toEqual([[former, 'first_entry']])
})

test('another default of the organization is for what has not entered a stage, and for the others where it is stated', async () => {
  const { ledger, call, id, later, former, other, chosen } = await inFlight()
  const own = await ledger.issue(await ledger.addClient({ dunning_policy_id: former }), {
    due_on: '2026-01-10',
    issued_on: '2026-01-01'
  })
  await ledger.advance('2026-01-14T06:00:00Z')
  await done(call('PATCH', '/v1/organization', { body: { default_dunning_policy_id: other } }))
  expect([await chosen(id), await chosen(later)]).toEqual([[[former, 'first_entry']], [[other, 'organization']]])
  await done(call('PATCH', '/v1/organization', { body: { default_dunning_policy_id: former } }))
  await done(call('PATCH', '/v1/organization', { body: { default_dunning_policy_id: other, applies_to: 'all' } }))
  expect([await chosen(id), await chosen(own.id)]).toEqual([[[other, 'organization']], [[former, 'client']]])
  await ledger.advance(31)
  expect(await ledger.ladder(id)).toEqual(['reminder 2026-01-13', 'harsh 2026-01-15'])
})

test.each([
  ['PATCH', 'organization', 'PATCH', '/v1/organization', 'all'],
  ['PATCH', 'client', 'PATCH', '/v1/clients/:client', 'all'],
  ['PUT', 'client', 'PUT', '/v1/clients/by-ref?source=crm&id=C-1', 'all'],
  ['PATCH', 'invoice', 'PATCH', '/v1/invoices/:invoice', 'all']
])('%s of %s refuses to say what a policy is for without naming it', async (_, __, method, url, applies_to) => {
  const { call, clientId, id } = await inFlight()
  const path = url.replace(':client', clientId).replace(':invoice', id)
  expect(refusalOf(await call(method as 'PATCH', path, { body: { applies_to } }))).toBe('400 invalid_request /applies_to')
})
