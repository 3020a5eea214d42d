import { afterAll, describe, test } from 'vitest'
import { byRef, type Case, idOf, put, takeAdvice, type World } from '../support/advice.ts'
import { done, startDunning } from '../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const twoParts = [
  { due_on: '2026-02-01', amount: '50.00' },
  { due_on: '2026-03-01', amount: '50.00' }
]
async function paidBy(world: World): Promise<void> {
  await put(world)
  const allocations = [{ invoice_id: await idOf(world, 'invoices'), amount: '40.00' }]
  await world.send('PUT', byRef('payments'), { client_id: world.client, currency: 'EUR', amount: '40.00', allocations })
}
const reversed = async (world: World) =>
  world.send('POST', `/v1/payments/${await idOf(world, 'payments')}/reverse`, { reason: 'entered_wrongly' })

const cases: Readonly<Record<string, Case>> = {
  'voiding what is paid on': {
    advice: 'reverse the payment first',
    wish: async (world) => {
      await paidBy(world)
      return world.send('POST', `/v1/invoices/${await idOf(world, 'invoices')}/void`, {})
    },
    step: reversed,
    again: async (world) => world.send('POST', `/v1/invoices/${await idOf(world, 'invoices')}/void`, {})
  },
  'giving a paid invoice another client': {
    advice: 'reverse the payment first',
    wish: async (world) => {
      await paidBy(world)
      return put(world, { client_id: await world.ledger.addClient() })
    },
    step: reversed,
    again: async (world) => put(world, { client_id: await world.ledger.addClient() })
  },
  'another day of issue of what was credited': {
    advice: 'void it, then send all of it again',
    wish: async (world) => {
      await put(world)
      const dispute = await world.send('POST', '/v1/disputes', {
        invoice_id: await idOf(world, 'invoices'),
        amount: '10.00',
        reason: 'quality'
      })
      await world.send('POST', `/v1/disputes/${dispute.body.id}/resolve`, { outcome: 'upheld', at_fault: 'ours' })
      return put(world, { issued_on: '2026-01-02' })
    },
    step: async (world) => world.send('POST', `/v1/invoices/${await idOf(world, 'invoices')}/void`, {}),
    again: (world) => put(world, { issued_on: '2026-01-02' })
  },
  'a total of nothing': {
    advice: 'void the invoice instead',
    wish: async (world) => {
      await put(world)
      return world.send('PUT', byRef('invoices'), { total: '0.00' })
    },
    again: async (world) => world.send('POST', `/v1/invoices/${await idOf(world, 'invoices')}/void`, {})
  },
  'one due day for an invoice in parts': {
    advice: 'send `due_schedule`',
    wish: async (world) => {
      await put(world, { due_on: undefined, due_schedule: twoParts })
      return world.send('PUT', byRef('invoices'), { due_on: '2026-04-01' })
    },
    again: (world) =>
      world.send('PUT', byRef('invoices'), { due_schedule: [twoParts[0], { due_on: '2026-04-01', amount: '50.00' }] })
  },
  'a start of dunning that is over': {
    advice: 'send `off`, `normal`, or nothing',
    wish: async (world) => {
      await put(world, { dunning_start: 'normal' })
      return world.send('PUT', byRef('invoices'), { dunning_start: 'baseline' })
    },
    again: (world) => world.send('PUT', byRef('invoices'), { dunning_start: 'off' })
  },
  'money of a day to come': {
    advice: 'Record it as pending',
    wish: ({ client, send }) =>
      send('POST', '/v1/payments', { client_id: client, currency: 'EUR', amount: '1.00', received_on: '2026-01-20' }),
    again: ({ client, send }) =>
      send('POST', '/v1/payments', {
        client_id: client,
        currency: 'EUR',
        amount: '1.00',
        status: 'pending',
        matures_on: '2026-01-20'
      })
  },
  'announced money that was received': {
    advice: 'give matures_on',
    wish: ({ client, send }) =>
      send('POST', '/v1/payments', {
        client_id: client,
        currency: 'EUR',
        amount: '1.00',
        status: 'pending',
        received_on: '2026-01-05'
      }),
    again: ({ client, send }) =>
      send('POST', '/v1/payments', {
        client_id: client,
        currency: 'EUR',
        amount: '1.00',
        status: 'pending',
        matures_on: '2026-01-05'
      })
  },
  'a day of receipt for what is only announced': {
    advice: 'send `status: settled`',
    wish: async ({ client, send }) => {
      await send('PUT', byRef('payments'), { client_id: client, currency: 'EUR', amount: '1.00', status: 'pending' })
      return send('PUT', byRef('payments'), { received_on: '2026-01-05' })
    },
    again: ({ send }) => send('PUT', byRef('payments'), { received_on: '2026-01-05', status: 'settled' })
  },
  'a reason of a reversal alone': {
    advice: 'send `status: failed`',
    wish: async ({ client, send }) => {
      await send('PUT', byRef('payments'), { client_id: client, currency: 'EUR', amount: '1.00' })
      return send('PUT', byRef('payments'), { reversal_reason: 'charged_back' })
    },
    again: ({ send }) => send('PUT', byRef('payments'), { reversal_reason: 'charged_back', status: 'failed' })
  },
  'a reason of a reversal of money that never came': {
    advice: 'send `received_on`',
    wish: async ({ client, send }) => {
      await send('PUT', byRef('payments'), { client_id: client, currency: 'EUR', amount: '1.00', status: 'pending' })
      return send('PUT', byRef('payments'), { reversal_reason: 'charged_back', status: 'failed' })
    },
    again: ({ send }) =>
      send('PUT', byRef('payments'), { reversal_reason: 'charged_back', status: 'failed', received_on: '2026-01-05' })
  },
  'deleting a client with a ledger': {
    advice: 'archive it instead',
    wish: async (world) => {
      await put(world)
      return world.send('DELETE', `/v1/clients/${world.client}`)
    },
    again: ({ client, send }) => send('PATCH', `/v1/clients/${client}`, { archived: true })
  },
  'deleting the parent of others': {
    advice: 'give them another or none before',
    wish: async ({ client, ledger, send }) => {
      await ledger.addClient({ parent_id: client, external_refs: [{ source: 'erp', id: 'own' }] })
      return send('DELETE', `/v1/clients/${client}`)
    },
    step: async (world) => world.send('PATCH', `/v1/clients/${await idOf(world, 'clients')}`, { parent_id: null }),
    again: ({ client, send }) => send('DELETE', `/v1/clients/${client}`)
  },
  'a second promise over an invoice': {
    advice: 'cancel it first',
    wish: async (world) => {
      await put(world)
      const body = {
        client_id: world.client,
        invoice_ids: [await idOf(world, 'invoices')],
        amount: '100.00',
        currency: 'EUR',
        promised_on: '2026-01-20'
      }
      await world.send('POST', '/v1/promises', body)
      return world.send('POST', '/v1/promises', body)
    },
    step: async ({ ledger, send }) => {
      const { data } = await done(ledger.call<{ data: { id: string }[] }>('GET', '/v1/promises'))
      return send('POST', `/v1/promises/${data[0]?.id}/cancel`, {})
    },
    again: async (world) => {
      const body = {
        client_id: world.client,
        invoice_ids: [await idOf(world, 'invoices')],
        amount: '100.00',
        currency: 'EUR',
        promised_on: '2026-01-20'
      }
      return world.send('POST', '/v1/promises', body)
    }
  },
  'a test clock that passes over what is due': {
    advice: 'POST /v1/test-clock/advance',
    wish: async (world) => {
      await put(world)
      return world.send('PUT', '/v1/test-clock', { now_at: '2026-03-01T00:00:00Z' })
    },
    again: ({ send }) => send('POST', '/v1/test-clock/advance', { to_at: '2026-01-20T00:00:00Z' })
  }
}

describe('the next step that a refusal names can be taken, and leads there', () => {
  test.for(Object.entries(cases))('%s', async ([, one]) => takeAdvice(one, await newLedger({ clockAt: '2026-01-10T12:00:00Z' })))
})
