import { afterAll, expect, test } from 'vitest'
import { defaultPolicy } from '../../../src/modules/dunning/policy.ts'
import { refusalOf } from '../../support/app.ts'
import { done, policyBody, startDunning } from '../../support/dunning.ts'

const { newLedger, services, database, close } = await startDunning()
afterAll(close)

const twoStages = [
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 }
]
const tenthOfJanuary = { issued_on: '2026-01-01', due_on: '2026-01-10' }

type PolicyBody = {
  id: string
  name: string
  version: number
  stages: { code: string; grace_days: number }[]
  created_at: string
}

test('an organization has a policy from its first minute, and it is the one that applies', async () => {
  const { call, defaultPolicyId, issue, addClient, advance, invoice } = await newLedger()
  const { body } = await call<PolicyBody>('GET', `/v1/dunning-policies/${defaultPolicyId}`)
  expect(body).toMatchObject({ name: 'Standard', version: 1, progression: 'jump', business_days: true, send_at: '09:00' })
  expect(body.stages.map(({ code }) => code)).toEqual(['courtesy', 'reminder', 'second', 'final', 'handover'])
  const { id } = await issue(await addClient(), tenthOfJanuary)
  await advance('2026-01-07T09:00:00Z')
  expect((await invoice(id)).dunning).toMatchObject({ stage: 'courtesy', policy_id: defaultPolicyId, policy_version: 1 })
})

test('what is absent in a policy is filled in and comes back', async () => {
  const { call } = await newLedger()
  const body = {
    name: 'Mild',
    min_balance: { EUR: '5.00', JPY: '500' },
    stages: [{ code: 'only', offset_days: 30, tone: 'formal' }]
  }
  const made = await call<PolicyBody>('POST', '/v1/dunning-policies', { body })
  expect(made.status).toBe(201)
  expect(made.body).toEqual({
    id: made.body.id,
    ...body,
    progression: 'jump',
    min_days_between: 3,
    business_days: true,
    due_on_closed_day: 'as_is',
    send_at: '09:00',
    disputed_part: 'exclude',
    contact_limits: null,
    stages: [
      { code: 'only', offset_days: 30, tone: 'formal', grace_days: 0, action: null, repeat_every_days: null, audience: [] }
    ],
    version: 1,
    created_at: made.body.created_at,
    updated_at: made.body.created_at
  })
  const read = await call('GET', `/v1/dunning-policies/${made.body.id}`)
  expect(read.body).toEqual(made.body)
  expect(read.headers['etag']).toBe('"1"')
})

test.each([
  ['stages out of order', { stages: [...twoStages].reverse() }, '400 invalid_policy /stages/1/offset_days'],
  ['a code used twice', { stages: [twoStages[0], { ...twoStages[1], code: 'reminder' }] }, '400 invalid_policy /stages/1/code'],
  [
    'a repetition in the middle',
    { stages: [{ ...twoStages[0], repeat_every_days: 7 }, twoStages[1]] },
    '400 invalid_policy /stages/0/repeat_every_days'
  ],
  ['a code with a space at its end', { stages: [{ code: 'reminder ', offset_days: 3 }] }, '400 invalid_policy /stages/0/code'],
  ['a minimum with too many decimals', { min_balance: { JPY: '5.00' } }, '400 invalid_amount /min_balance/JPY'],
  ['a currency that is none', { min_balance: { XXQ: '5' } }, '400 unknown_currency /min_balance/XXQ'],
  ['no stages', { stages: [] }, '400 invalid_request /stages'],
  ['a time that does not exist', { send_at: '24:00' }, '400 invalid_request /send_at'],
  ['an unknown field', { colour: 'red' }, '400 invalid_request /colour'],
  ['text for a number', { min_days_between: '3' }, '400 invalid_request /min_days_between']
])('a policy with %s is refused by name, and nothing is written', async (_what, change, refusal) => {
  const { call } = await newLedger()
  const { stages = twoStages, ...rest } = change as { stages?: typeof twoStages }
  const answer = await call('POST', '/v1/dunning-policies', { body: policyBody(stages, rest) })
  expect(refusalOf(answer)).toBe(refusal)
  expect((await call<{ data: unknown[] }>('GET', '/v1/dunning-policies')).body.data).toHaveLength(1)
})

test('a stale edit of a policy is refused, and a current one makes the next version and keeps the former', async () => {
  const { call, defaultPolicyId } = await newLedger()
  const url = `/v1/dunning-policies/${defaultPolicyId}`
  const body = policyBody(twoStages, { name: 'Second try' })
  expect(refusalOf(await call('PUT', url, { body, headers: { 'if-match': '"2"' } }))).toBe('412 version_conflict')
  const replaced = await call<PolicyBody>('PUT', url, { body, headers: { 'if-match': '"1"' } })
  expect(replaced).toMatchObject({ status: 200, body: { version: 2, name: 'Second try' }, headers: { etag: '"2"' } })
  type Versions = { data: { version: number; name: string; policy_id: string }[]; next_cursor: string | null }
  const first = await call<Versions>('GET', `${url}/versions?limit=1`)
  expect(first.body.data).toMatchObject([{ policy_id: defaultPolicyId, version: 2, name: 'Second try' }])
  const second = await call<Versions>('GET', `${url}/versions?limit=1&cursor=${first.body.next_cursor}`)
  expect(second.body).toMatchObject({ data: [{ version: 1, name: 'Standard' }], next_cursor: null })
})

test('a cursor of another list is refused where versions are asked for', async () => {
  const { call, defaultPolicyId } = await newLedger()
  await call('POST', '/v1/dunning-policies', { body: policyBody(twoStages) })
  const { body } = await call<{ next_cursor: string }>('GET', '/v1/dunning-policies?limit=1')
  const answer = await call('GET', `/v1/dunning-policies/${defaultPolicyId}/versions?cursor=${body.next_cursor}`)
  expect(refusalOf(answer)).toBe('400 invalid_cursor /cursor')
})

test("another organization's policy is not there", async () => {
  const { defaultPolicyId } = await newLedger()
  const { call, addClient, issue } = await newLedger()
  expect(refusalOf(await call('GET', `/v1/dunning-policies/${defaultPolicyId}`))).toBe('404 not_found')
  expect(refusalOf(await call('GET', `/v1/dunning-policies/${defaultPolicyId}/versions`))).toBe('404 not_found')
  expect(refusalOf(await call('PUT', `/v1/dunning-policies/${defaultPolicyId}`, { body: policyBody(twoStages) }))).toBe(
    '404 not_found'
  )
  const clientId = await addClient()
  await expect(issue(clientId, { ...tenthOfJanuary, dunning_policy_id: defaultPolicyId })).rejects.toThrow('reference_not_found')
})

test('a policy of the invoice wins over the one of the client, and that over the one of the organization', async () => {
  const { call, addClient, issue, usePolicy, advance, ladder } = await newLedger()
  const made = async (code: string) =>
    (await done(call<PolicyBody>('POST', '/v1/dunning-policies', { body: policyBody([{ code, offset_days: 1 }]) }))).id
  const [ofClient, ofInvoice] = [await made('of the client'), await made('of the invoice')]
  await usePolicy([{ code: 'of the organization', offset_days: 1 }])
  const special = await addClient({ dunning_policy_id: ofClient })
  const a = await issue(await addClient(), tenthOfJanuary)
  const b = await issue(special, tenthOfJanuary)
  const c = await issue(special, { ...tenthOfJanuary, dunning_policy_id: ofInvoice })
  await advance('2026-01-12T00:00:00Z')
  expect([await ladder(a.id), await ladder(b.id), await ladder(c.id)]).toEqual([
    ['of the organization 2026-01-11'],
    ['of the client 2026-01-11'],
    ['of the invoice 2026-01-11']
  ])
})

/** Two invoices on one policy: one that entered its first stage, one that has not. Then the policy is edited. */
async function edited(in_flight: 'keep' | 'move' | undefined, stages: Parameters<typeof policyBody>[0]) {
  const ledger = await newLedger()
  const policyId = await ledger.usePolicy(twoStages)
  const clientId = await ledger.addClient()
  const inFlight = await ledger.issue(clientId, tenthOfJanuary)
  const waiting = await ledger.issue(clientId, { issued_on: '2026-01-01', due_on: '2026-01-20' })
  await ledger.advance('2026-01-14T00:00:00Z')
  const body = { ...policyBody(stages), ...(in_flight !== undefined && { in_flight }) }
  await done(ledger.call('PUT', `/v1/dunning-policies/${policyId}`, { body }))
  return { ...ledger, inFlight: inFlight.id, waiting: waiting.id }
}

test('an edited policy leaves what is in flight on the version it started with, and applies to the rest', async () => {
  const { inFlight, waiting, ladder, advance, invoice } = await edited(undefined, [{ code: 'later', offset_days: 5 }])
  await advance(31)
  expect(await ladder(inFlight)).toEqual(['reminder 2026-01-13', 'second 2026-01-20'])
  expect(await ladder(waiting)).toEqual(['later 2026-01-25'])
  expect((await invoice(inFlight)).dunning.policy_version).toBe(1)
  expect((await invoice(waiting)).dunning.policy_version).toBe(2)
})

test('a policy edited with in_flight move carries invoices along by the code of their stage', async () => {
  const stages = [
    { code: 'early', offset_days: 1 },
    { code: 'reminder', offset_days: 4 },
    { code: 'last', offset_days: 7 }
  ]
  const { inFlight, ladder, advance, invoice } = await edited('move', stages)
  expect((await invoice(inFlight)).dunning).toMatchObject({ stage: 'reminder', policy_version: 2 })
  await advance(31)
  expect(await ladder(inFlight)).toEqual(['reminder 2026-01-13', 'last 2026-01-17'])
})

test('an invoice whose stage was taken out of the policy in mid-flight goes on with the next one by age', async () => {
  const stages = [
    { code: 'first', offset_days: 2 },
    { code: 'other', offset_days: 8 }
  ]
  const { inFlight, ladder, advance, invoice } = await edited('move', stages)
  expect((await invoice(inFlight)).dunning.stage).toBe('reminder')
  await advance(31)
  expect(await ladder(inFlight)).toEqual(['reminder 2026-01-13', 'other 2026-01-18'])
})

test('a stage that an edit moved into the past is entered with the next sweep', async () => {
  const { waiting, ladder, advance } = await edited(undefined, [{ code: 'ahead', offset_days: -10 }])
  await advance('2026-01-14T00:00:01Z')
  expect(await ladder(waiting)).toEqual(['ahead 2026-01-14'])
})

test('a changed calendar, time zone or default policy has everything open decided anew', async () => {
  const { call, usePolicy, addClient, issue, advance, ladder, invoice } = await newLedger()
  await usePolicy([{ code: 'reminder', offset_days: 3 }], { business_days: true })
  const { id } = await issue(await addClient(), { issued_on: '2026-01-01', due_on: '2026-01-09' })
  expect((await invoice(id)).dunning.next_at).toBe('2026-01-12T00:00:00.000Z')
  await done(call('PATCH', '/v1/organization', { body: { calendar: { closed_days: ['2026-01-12'] }, time_zone: 'Asia/Tehran' } }))
  await advance('2026-01-31T00:00:00Z')
  expect(await ladder(id)).toEqual(['reminder 2026-01-13'])
})

test('an organization has at most 200 policies', async () => {
  const { call, id } = await newLedger()
  await database.scoped(id, async (tx) => {
    const now = new Date('2026-01-01T00:00:00Z')
    for (let n = 1; n < 200; n += 1) await services.policies.create(tx, { policy: { ...defaultPolicy, name: `P ${n}` }, now })
  })
  expect(refusalOf(await call('POST', '/v1/dunning-policies', { body: policyBody(twoStages) }))).toBe('409 limit_reached')
})
