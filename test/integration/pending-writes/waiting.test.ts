import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Kind = 'clients' | 'invoices' | 'payments'
type Pending = {
  id: string
  kind: string
  state: string
  version: number
  source_version: number | null
  waiting_for: object | null
  problem: { code: string; pointer: string | null } | null
  applied?: boolean
  operation: string
}
type Doc = Record<string, unknown> & { id: string; applied: boolean; status: string; version: number }

const at = (kind: Kind, id: string, more: Record<string, string> = {}) =>
  `/v1/${kind}/by-ref?${new URLSearchParams({ source: 'erp', id, ...more })}`
const put = (ledger: Ledger, kind: Kind, id: string, body: object) => ledger.call<Doc & Pending>('PUT', at(kind, id), { body })
const remove = (ledger: Ledger, kind: Kind, id: string, version?: number) =>
  ledger.call<Doc & Pending>('DELETE', at(kind, id, version === undefined ? {} : { source_version: String(version) }))
const get = (ledger: Ledger, kind: Kind, id: string) => ledger.call<Doc>('GET', at(kind, id))
const pending = async (ledger: Ledger, query = '') =>
  (await done(ledger.call<{ data: Pending[] }>('GET', `/v1/pending-writes${query}`))).data

const client_ref = { source: 'erp', id: 'c' }
const invoice = { client_ref, number: 'R-1', currency: 'EUR', total: '100.00', issued_on: '2025-12-01', due_on: '2026-01-31' }
const payment = { client_ref, currency: 'EUR', amount: '40.00', received_on: '2025-12-20' }

describe('a write by reference that names a client who does not exist yet', () => {
  test('waits, says for what, is listed, and is applied with its events when the client is created by PUT', async () => {
    const ledger = await newLedger()
    const held = await put(ledger, 'invoices', 'i', { ...invoice, source_version: 1 })
    expect(held).toMatchObject({
      status: 202,
      body: {
        applied: false,
        kind: 'invoice',
        operation: 'put',
        ref: { source: 'erp', id: 'i' },
        state: 'waiting',
        source_version: 1,
        waiting_for: { kind: 'client', source: 'erp', id: 'c' },
        body: invoice
      }
    })
    expect((await put(ledger, 'payments', 'p', payment)).status).toBe(202)
    expect((await get(ledger, 'invoices', 'i')).status).toBe(404)
    expect(await ledger.told()).toEqual([])
    expect((await pending(ledger)).map(({ kind }) => kind)).toEqual(['payment', 'invoice'])
    expect(await pending(ledger, '?kind=invoice&source=erp&waiting_for_id=c&waiting_for_source=erp')).toHaveLength(1)
    expect(await pending(ledger, '?waiting_for_id=d')).toEqual([])
    expect((await put(ledger, 'clients', 'c', { name: 'C' })).status).toBe(201)
    expect(await pending(ledger)).toEqual([])
    expect((await get(ledger, 'invoices', 'i')).body).toMatchObject({ number: 'R-1', balance: '60.00', status: 'open' })
    expect(await ledger.told()).toEqual([
      '2026-01-01 client.created',
      '2026-01-01 invoice.created',
      '2026-01-01 payment.settled',
      '2026-01-01 invoice.partially_paid'
    ])
  })

  test.for([
    ['POST', '/v1/clients', { name: 'C', external_refs: [client_ref] }],
    ['PATCH', '/v1/clients/', { external_refs: [client_ref] }]
  ] as const)('is applied when the client gets the reference by %s', async ([method, url, body]) => {
    const ledger = await newLedger()
    const id = method === 'PATCH' ? await ledger.addClient() : ''
    await put(ledger, 'invoices', 'i', invoice)
    expect((await ledger.call(method, `${url}${id}`, { body })).status).toBeLessThan(300)
    expect((await get(ledger, 'invoices', 'i')).status).toBe(200)
  })

  test('is replaced by a newer version, and an older one changes nothing', async () => {
    const ledger = await newLedger()
    await put(ledger, 'invoices', 'i', { ...invoice, source_version: 2 })
    const late = await put(ledger, 'invoices', 'i', { ...invoice, total: '1.00', source_version: 1 })
    expect(late).toMatchObject({ status: 202, body: { applied: false, source_version: 2, version: 1 } })
    for (let times = 0; times < 2; times += 1) await put(ledger, 'invoices', 'i', { total: '300.00', source_version: 3 })
    expect(await pending(ledger)).toMatchObject([{ source_version: 3, version: 2 }])
    await put(ledger, 'clients', 'c', { name: 'C' })
    expect((await get(ledger, 'invoices', 'i')).body).toMatchObject({ total: '300.00', number: 'R-1' })
    expect((await put(ledger, 'invoices', 'i', { ...invoice, source_version: 2 })).body.applied).toBe(false)
  })

  test('is refused at once where no client could make it right', async () => {
    const ledger = await newLedger()
    expect(refusalOf(await put(ledger, 'invoices', 'i', { client_ref, number: 'R' }))).toBe('400 invalid_request /currency')
    expect(refusalOf(await put(ledger, 'invoices', 'i', { ...invoice, currency: 'JPY' }))).toBe('400 invalid_amount /total')
    expect(refusalOf(await put(ledger, 'payments', 'p', { ...payment, amount: '1.234' }))).toBe('400 invalid_amount /amount')
    expect(await pending(ledger)).toEqual([])
  })

  test('and is refused then stays with the reason, keeps nobody else from being applied, and is told', async () => {
    const ledger = await newLedger()
    // Which day it is issued on without saying so depends on the client's time zone.
    const { issued_on: _, ...undated } = invoice
    await done(put(ledger, 'invoices', 'bad', { ...undated, due_on: '2025-11-01' }))
    await put(ledger, 'invoices', 'good', invoice)
    expect((await put(ledger, 'clients', 'c', { name: 'C' })).status).toBe(201)
    expect((await get(ledger, 'invoices', 'good')).status).toBe(200)
    const [refused] = await pending(ledger, '?state=refused')
    expect(refused).toMatchObject({
      ref: { source: 'erp', id: 'bad' },
      waiting_for: null,
      problem: { code: 'invalid_date', pointer: '/due_on' }
    })
    const [event] = await ledger.events('pending_write.refused')
    expect(event?.object).toEqual(refused)
    expect((await ledger.call('GET', `/v1/pending-writes/${refused?.id}`)).body).toEqual(refused)
    expect((await put(ledger, 'invoices', 'bad', invoice)).status).toBe(201)
    expect(await pending(ledger)).toEqual([])
  })

  test('is dropped when it is deleted, by its source or by hand', async () => {
    const ledger = await newLedger()
    const held = await put(ledger, 'invoices', 'i', invoice)
    await put(ledger, 'payments', 'p', payment)
    expect((await ledger.call('DELETE', `/v1/pending-writes/${held.body.id}`)).status).toBe(204)
    expect((await ledger.call('DELETE', `/v1/pending-writes/${held.body.id}`)).status).toBe(404)
    expect((await remove(ledger, 'payments', 'p')).status).toBe(204)
    await put(ledger, 'clients', 'c', { name: 'C' })
    expect([(await get(ledger, 'invoices', 'i')).status, (await get(ledger, 'payments', 'p')).status]).toEqual([404, 404])
  })

  test('that arrives in the same moment as its client does not miss it', async () => {
    const ledger = await newLedger()
    for (let round = 0; round < 12; round += 1) {
      const id = `race-${round}`
      const ref = { source: 'erp', id }
      const answers = await Promise.all([
        put(ledger, 'invoices', id, { ...invoice, client_ref: ref }),
        put(ledger, 'payments', id, { ...payment, client_ref: ref }),
        put(ledger, 'clients', id, { name: 'C' }),
        put(ledger, 'invoices', id, { ...invoice, client_ref: ref, total: '100.00' })
      ])
      expect(answers.map(({ status }) => status).every((status) => status < 300)).toBe(true)
      expect((await get(ledger, 'invoices', id)).body).toMatchObject({ balance: '60.00' })
    }
    expect(await pending(ledger)).toEqual([])
  })
})

describe('a deletion with a version', () => {
  test('of what does not exist yet is kept, and an older version that comes later does not create it', async () => {
    const ledger = await newLedger()
    await put(ledger, 'clients', 'c', { name: 'C' })
    expect(refusalOf(await remove(ledger, 'invoices', 'i'))).toBe('404 not_found')
    for (const kind of ['invoices', 'payments'] as const) {
      const body = kind === 'invoices' ? invoice : payment
      const kept = await remove(ledger, kind, 'x', 4)
      expect(kept).toMatchObject({ status: 202, body: { operation: 'delete', applied: false, source_version: 4 } })
      expect((await remove(ledger, kind, 'x', 3)).body).toMatchObject({ source_version: 4, version: 1 })
      for (const source_version of [1, 4]) {
        const late = await put(ledger, kind, 'x', { ...body, source_version })
        expect(late).toMatchObject({ status: 202, body: { operation: 'delete', applied: false } })
      }
      expect((await put(ledger, kind, 'x', { ...body, source_version: 5 })).status).toBe(201)
      expect(await remove(ledger, kind, 'x', 4)).toMatchObject({ status: 200, body: { applied: false } })
    }
    expect(await pending(ledger)).toEqual([])
  })

  test('holds against an older version of what exists', async () => {
    const ledger = await newLedger()
    await put(ledger, 'clients', 'c', { name: 'C' })
    await put(ledger, 'invoices', 'i', { ...invoice, source_version: 1 })
    await put(ledger, 'payments', 'p', { ...payment, reserved_for: 'deposit', source_version: 1 })
    expect((await remove(ledger, 'invoices', 'i', 3)).status).toBe(204)
    expect((await remove(ledger, 'payments', 'p', 3)).status).toBe(204)
    const number = { number: 'Late', source_version: 2 }
    expect((await put(ledger, 'invoices', 'i', number)).body).toMatchObject({ applied: false, status: 'void', number: 'R-1' })
    const late = await put(ledger, 'payments', 'p', { ...payment, source_version: 2 })
    expect(late.body).toMatchObject({ applied: false, status: 'reversed' })
  })

  test('holds whatever older deletion is repeated after it', async () => {
    const ledger = await newLedger()
    await put(ledger, 'clients', 'c', { name: 'C' })
    const bodies = { clients: { name: 'X' }, invoices: invoice, payments: payment }
    for (const kind of ['invoices', 'payments', 'clients'] as const) {
      await put(ledger, kind, 'x', { ...bodies[kind], source_version: 1 })
      for (const version of [5, 3]) await remove(ledger, kind, 'x', version)
      const late = await put(ledger, kind, 'x', { ...bodies[kind], source_version: 4 })
      const stays = {
        invoices: { status: 'void' },
        payments: { status: 'reversed' },
        clients: { archived_at: expect.any(String) }
      }
      expect(late.body).toMatchObject(stays[kind])
    }
  })

  test('holds against an older version that arrives in the same moment', async () => {
    const ledger = await newLedger()
    await put(ledger, 'clients', 'c', { name: 'C' })
    for (let round = 0; round < 12; round += 1) {
      const id = `race-${round}`
      const send = (source_version: number) => put(ledger, 'payments', id, { ...payment, source_version })
      if (round % 2 === 0) await send(1)
      const answers = await Promise.all([send(2), remove(ledger, 'payments', id, 4), send(3), send(2)])
      expect(answers.map(({ status }) => status).every((status) => status < 300)).toBe(true)
      const { status, body } = await get(ledger, 'payments', id)
      expect(status === 404 ? 'reversed' : body.status).toBe('reversed')
    }
  })

  test('of a client archives it in every order, and a newer version takes that back', async () => {
    const orders = [
      [1, 'delete', 2],
      [2, 1, 'delete'],
      ['delete', 2, 1],
      ['delete', 1, 2]
    ] as const
    for (const order of orders) {
      const ledger = await newLedger()
      for (const step of order) {
        if (step === 'delete') await remove(ledger, 'clients', 'c', 3)
        else await put(ledger, 'clients', 'c', { name: `V${step}`, source_version: step })
      }
      const { body } = await get(ledger, 'clients', 'c')
      expect([body['name'], body['archived_at'] !== null], order.join()).toEqual(['V2', true])
      expect((await put(ledger, 'clients', 'c', { name: 'V4', source_version: 4 })).body['archived_at']).toBeNull()
      expect((await remove(ledger, 'clients', 'c', 3)).body).toMatchObject({ applied: false, name: 'V4' })
      expect(await pending(ledger)).toEqual([])
    }
  })
})

test('one reference is waited for by 500 writes at most', async () => {
  const ledger = await newLedger()
  const send = (n: number) => put(ledger, 'payments', `p${n}`, payment)
  for (let n = 0; n < 500; n += 10) await Promise.all(Array.from({ length: 10 }, (_, k) => send(n + k)))
  const answers = await Promise.all([send(500), send(501), send(0)])
  expect(answers.map(({ status, body }) => [status, (body as { code?: string }).code])).toEqual([
    [409, 'limit_reached'],
    [409, 'limit_reached'],
    [202, undefined]
  ])
  const other = { ...payment, client_ref: { source: 'erp', id: 'd' } }
  expect((await put(ledger, 'payments', 'other', other)).status).toBe(202)
  const moved = await put(ledger, 'payments', 'other', payment)
  expect([moved.status, (moved.body as { code?: string }).code]).toEqual([409, 'limit_reached'])
})

test('pending writes are those of their organization', async () => {
  const [one, other] = [await newLedger(), await newLedger()]
  const held = await put(one, 'invoices', 'i', invoice)
  expect(await pending(other)).toEqual([])
  expect((await other.call('GET', `/v1/pending-writes/${held.body.id}`)).status).toBe(404)
  expect((await other.call('DELETE', `/v1/pending-writes/${held.body.id}`)).status).toBe(404)
  await put(other, 'clients', 'c', { name: 'C' })
  expect(await pending(one)).toHaveLength(1)
})
