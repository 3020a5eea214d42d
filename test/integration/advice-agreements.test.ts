import { afterAll, describe, test } from 'vitest'
import { byRef, type Case, idOf, put, takeAdvice, type World } from '../support/advice.ts'
import { done, startDunning } from '../support/dunning.ts'

const { newLedger, services, database, close } = await startDunning()
afterAll(close)

const firstOf = async ({ ledger }: World, path: string) =>
  (await done(ledger.call<{ data: { id: string }[] }>('GET', path))).data[0]?.id
/** Makes many, ten at a time. */
async function repeat(times: number, make: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < times; n += 10) await Promise.all(Array.from({ length: Math.min(10, times - n) }, (_, k) => make(n + k)))
}

async function propose(world: World) {
  const { client, send } = world
  const schedule = { kind: 'equal', count: 2, every: 'monthly', first_on: '2026-01-31' }
  return send('POST', '/v1/payment-plans', { client_id: client, invoice_ids: [await idOf(world, 'invoices')], schedule })
}
const accept = ({ send }: World, id: string | undefined) =>
  send('POST', `/v1/payment-plans/${id}/accept`, { accepted_by: 'Ada Smith' })
const promise = async (world: World) =>
  world.send('POST', '/v1/promises', {
    client_id: world.client,
    invoice_ids: [await idOf(world, 'invoices')],
    ...{ amount: '100.00', currency: 'EUR', promised_on: '2026-01-20' }
  })
const policy = (name: string) => ({ name, stages: [{ code: 'reminder', offset_days: 3, tone: 'friendly' }] })
async function disabledEndpoint({ ledger, send }: World): Promise<string> {
  const { body } = await send('POST', '/v1/webhook-endpoints', { url: 'https://hooks.example.com/', event_types: ['*'] })
  await database.scoped(ledger.id, (tx) => services.endpoints.disable(tx, { id: body.id, reason: 'It failed for days.' }))
  return body.id
}
const endpointOf = (world: World) => firstOf(world, '/v1/webhook-endpoints')
const revoke = async (world: World) => world.send('DELETE', `/v1/api-keys/${await firstKeyOf(world)}`)
/** The oldest: lists are newest first. */
const firstKeyOf = async ({ ledger }: World) =>
  (await done(ledger.call<{ data: { id: string }[] }>('GET', '/v1/api-keys'))).data.at(-1)?.id
const waiting = ({ send }: World, n: number) =>
  send('PUT', byRef('payments', `p${n}`), { client_ref: { source: 'erp', id: 'late' }, currency: 'EUR', amount: '1.00' })

const cases: Readonly<Record<string, Case>> = {
  'a plan over what another plan covers': {
    advice: 'Renegotiate that plan, or cancel it first',
    wish: async (world) => {
      await put(world)
      await accept(world, (await propose(world)).body.id)
      return propose(world)
    },
    step: async (world) => world.send('POST', `/v1/payment-plans/${await firstOf(world, '/v1/payment-plans')}/cancel`, {}),
    again: propose
  },
  'accepting a plan over what another plan covers': {
    advice: 'Cancel that plan first',
    wish: async (world) => {
      await put(world)
      const { body: one } = await propose(world)
      const { body: other } = await propose(world)
      await accept(world, one.id)
      return accept(world, other.id)
    },
    step: async (world) =>
      world.send('POST', `/v1/payment-plans/${await firstOf(world, '/v1/payment-plans?status=active')}/cancel`, {}),
    again: async (world) => accept(world, await firstOf(world, '/v1/payment-plans?status=proposed'))
  },
  'accepting a plan over what was paid since': {
    advice: 'propose it anew',
    wish: async (world) => {
      await put(world)
      const { body } = await propose(world)
      const allocations = [{ invoice_id: await idOf(world, 'invoices'), amount: '40.00' }]
      await world.send('PUT', byRef('payments'), { client_id: world.client, currency: 'EUR', amount: '40.00', allocations })
      return accept(world, body.id)
    },
    again: async (world) => accept(world, (await propose(world)).body.id)
  },
  'releasing the hold of a promise': {
    advice: 'cancel it instead',
    wish: async (world) => {
      await put(world)
      await promise(world)
      return world.send('POST', `/v1/holds/${await firstOf(world, '/v1/holds')}/release`, {})
    },
    again: async (world) => world.send('POST', `/v1/promises/${await firstOf(world, '/v1/promises')}/cancel`, {})
  },
  'releasing the hold of a plan': {
    advice: 'cancel it instead',
    wish: async (world) => {
      await put(world)
      await accept(world, (await propose(world)).body.id)
      return world.send('POST', `/v1/holds/${await firstOf(world, '/v1/holds')}/release`, {})
    },
    again: async (world) => world.send('POST', `/v1/payment-plans/${await firstOf(world, '/v1/payment-plans')}/cancel`, {})
  },
  'releasing the hold of a dispute': {
    advice: 'resolve or withdraw it instead',
    wish: async (world) => {
      await put(world)
      await world.send('POST', '/v1/disputes', { invoice_id: await idOf(world, 'invoices'), reason: 'quality' })
      return world.send('POST', `/v1/holds/${await firstOf(world, '/v1/holds')}/release`, {})
    },
    again: async (world) => world.send('POST', `/v1/disputes/${await firstOf(world, '/v1/disputes')}/withdraw`, {})
  },
  'releasing the hold of announced money': {
    advice: 'settle or fail it instead',
    wish: async (world) => {
      await put(world)
      const allocations = [{ invoice_id: await idOf(world, 'invoices'), amount: '100.00' }]
      const money = { currency: 'EUR', amount: '100.00', status: 'pending', matures_on: '2026-01-20' }
      await world.send('PUT', byRef('payments'), { client_id: world.client, ...money, allocations })
      return world.send('POST', `/v1/holds/${await firstOf(world, '/v1/holds')}/release`, {})
    },
    again: async (world) => world.send('POST', `/v1/payments/${await idOf(world, 'payments')}/settle`, {})
  },
  'one policy too many': {
    advice: 'change one instead',
    wish: async ({ send }) => {
      await repeat(200, (n) => send('POST', '/v1/dunning-policies', policy(`P${n}`)))
      return send('POST', '/v1/dunning-policies', policy('Another'))
    },
    again: async (world) =>
      world.send('PUT', `/v1/dunning-policies/${await firstOf(world, '/v1/dunning-policies')}`, policy('Another'))
  },
  'testing a disabled endpoint': {
    advice: 'enable it first',
    wish: async (world) => world.send('POST', `/v1/webhook-endpoints/${await disabledEndpoint(world)}/test`, {}),
    step: async (world) => world.send('POST', `/v1/webhook-endpoints/${await endpointOf(world)}/enable`, {}),
    again: async (world) => world.send('POST', `/v1/webhook-endpoints/${await endpointOf(world)}/test`, {})
  },
  'a replay to a disabled endpoint': {
    advice: 'enable it with `replay_since`',
    wish: async (world) =>
      world.send('POST', `/v1/webhook-endpoints/${await disabledEndpoint(world)}/replay`, { from: '2026-01-04T00:00:00Z' }),
    again: async (world) =>
      world.send('POST', `/v1/webhook-endpoints/${await endpointOf(world)}/enable`, { replay_since: '2026-01-04T00:00:00Z' })
  },
  'revoking the last key with admin': {
    advice: 'make another before you revoke it',
    wish: revoke,
    step: ({ send }) => send('POST', '/v1/api-keys', { name: 'Next', scopes: ['admin'] }),
    again: revoke
  },
  'one write too many that waits for a client': {
    advice: 'Send its object first',
    wish: async (world) => {
      await repeat(500, (n) => waiting(world, n))
      return waiting(world, 500)
    },
    step: ({ send }) => send('PUT', byRef('clients', 'late'), { name: 'Late' }),
    again: (world) => waiting(world, 500)
  }
}

describe('the next step that a refusal names can be taken, and leads there', () => {
  test.for(Object.entries(cases))('%s', async ([, one]) => takeAdvice(one, await newLedger({ clockAt: '2026-01-10T12:00:00Z' })))
})
