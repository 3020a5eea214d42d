import { afterAll, describe, expect, test } from 'vitest'
import { refusalOf } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

type Pending = {
  id: string
  ref: { id: string }
  state: string
  waiting_for: { id: string } | null
  body: object
  version: number
  problem: object | null
}
type Client = { id: string; parent_id: string | null; applied: boolean; version: number; pending_write?: Pending }

const ref = (id: string) => ({ source: 'erp', id })
const at = (kind: string, id: string, more: Record<string, string> = {}) =>
  `/v1/${kind}/by-ref?${new URLSearchParams({ source: 'erp', id, ...more })}`
const put = (ledger: Ledger, id: string, body: object = {}) =>
  ledger.call<Client>('PUT', at('clients', id), { body: { name: id, ...body } })
const get = (ledger: Ledger, id: string) => done(ledger.call<Client>('GET', at('clients', id)))
const under = (id: string) => ({ parent_ref: ref(id) })
const pending = async (ledger: Ledger) =>
  (await done(ledger.call<{ data: Pending[] }>('GET', '/v1/pending-writes?kind=client'))).data
/** Each client, and the name of its parent. */
async function parentsOf(ledger: Ledger, names: readonly string[]): Promise<string[]> {
  const clients = await Promise.all(names.map((id) => get(ledger, id)))
  const nameOf = new Map(clients.map(({ id }, index) => [id, names[index]]))
  return clients.map(({ parent_id }, index) => `${names[index]} ${parent_id === null ? '-' : nameOf.get(parent_id)}`)
}

describe('a client whose parent does not exist yet', () => {
  test('is created at once, says what waits, keeps no invoice waiting, and comes under the parent when that is created', async () => {
    const ledger = await newLedger()
    const made = await put(ledger, 'branch', under('head'))
    const waits = { ref: ref('branch'), waiting_for: { kind: 'client', ...ref('head') }, body: under('head'), state: 'waiting' }
    expect(made).toMatchObject({ status: 201, body: { applied: true, parent_id: null, pending_write: waits } })
    expect(await pending(ledger)).toEqual([made.body.pending_write])
    const again = await put(ledger, 'branch', under('head'))
    expect(again).toEqual({ ...again, status: 200, body: { ...made.body } })
    const invoice = {
      client_ref: ref('branch'),
      number: 'R',
      currency: 'EUR',
      total: '9.00',
      issued_on: '2025-12-01',
      due_on: '2026-01-31'
    }
    expect((await ledger.call('PUT', at('invoices', 'i'), { body: invoice })).status).toBe(201)
    await done(put(ledger, 'head'))
    expect(await parentsOf(ledger, ['branch', 'head'])).toEqual(['branch head', 'head -'])
    expect(await pending(ledger)).toEqual([])
    expect((await put(ledger, 'branch', under('head'))).body.pending_write).toBeUndefined()
    expect((await ledger.told()).filter((line) => line.includes('client.'))).toEqual([
      '2026-01-01 client.created',
      '2026-01-01 client.created',
      '2026-01-01 client.updated'
    ])
  })

  test.for([
    ['POST', '/v1/clients', { name: 'H', external_refs: [ref('head')] }],
    ['PATCH', '/v1/clients/', { external_refs: [ref('head')] }]
  ] as const)('comes under it when that gets the reference by %s', async ([method, url, body]) => {
    const ledger = await newLedger()
    const id = method === 'PATCH' ? await ledger.addClient() : ''
    await put(ledger, 'branch', under('head'))
    await done(ledger.call(method, `${url}${id}`, { body }))
    expect(await parentsOf(ledger, ['branch', 'head'])).toEqual(['branch head', 'head -'])
  })

  test('goes on waiting through writes that state no parent, and through its archiving', async () => {
    const ledger = await newLedger()
    await put(ledger, 'branch', { ...under('head'), source_version: 2 })
    expect((await put(ledger, 'branch', { source_version: 3 })).body.pending_write).toMatchObject({ waiting_for: { id: 'head' } })
    const older = await put(ledger, 'branch', { ...under('other'), source_version: 1 })
    expect(older.body).toMatchObject({ applied: false, pending_write: { waiting_for: { id: 'head' }, version: 1 } })
    expect((await ledger.call('DELETE', at('clients', 'branch', { source_version: '4' }))).status).toBe(200)
    await put(ledger, 'head')
    expect(await parentsOf(ledger, ['branch', 'head'])).toEqual(['branch head', 'head -'])
  })

  test('waits no more once another parent, or none, is stated', async () => {
    const ledger = await newLedger()
    await put(ledger, 'other')
    for (const [id, body] of [
      ['a', { parent_id: null }],
      ['b', under('other')],
      ['c', { parent_id: (await get(ledger, 'other')).id }],
      ['d', under('late')]
    ] as const) {
      await put(ledger, id, under('head'))
      await done(put(ledger, id, body))
    }
    expect(await pending(ledger)).toMatchObject([{ ref: ref('d'), waiting_for: { id: 'late' }, version: 2 }])
    await put(ledger, 'head')
    await put(ledger, 'late')
    const names = ['a', 'b', 'c', 'd', 'other', 'late']
    expect(await parentsOf(ledger, names)).toEqual(['a -', 'b other', 'c other', 'd late', 'other -', 'late -'])
  })

  test('keeps the parent that it has until the other one is created', async () => {
    const ledger = await newLedger()
    await put(ledger, 'old')
    await put(ledger, 'branch', under('old'))
    await put(ledger, 'branch', under('new'))
    expect(await parentsOf(ledger, ['branch', 'old'])).toEqual(['branch old', 'old -'])
    await put(ledger, 'new')
    expect(await parentsOf(ledger, ['branch', 'new'])).toEqual(['branch new', 'new -'])
  })

  test('stays without it where the pending write is deleted', async () => {
    const ledger = await newLedger()
    const { body } = await put(ledger, 'branch', under('head'))
    expect((await ledger.call('DELETE', `/v1/pending-writes/${body.pending_write?.id}`)).status).toBe(204)
    await put(ledger, 'head')
    expect(await parentsOf(ledger, ['branch', 'head'])).toEqual(['branch -', 'head -'])
  })

  test('is refused at once where no parent could make it right', async () => {
    const ledger = await newLedger()
    const own = under('x')
    expect(refusalOf(await put(ledger, 'x', own))).toBe('422 nested_parent /parent_ref')
    expect(refusalOf(await put(ledger, 'y', { ...own, external_refs: [ref('x')] }))).toBe('422 nested_parent /parent_ref')
    expect(refusalOf(await ledger.call('PUT', at('clients', 'z'), { body: own }))).toBe('400 invalid_request /name')
    await put(ledger, 'head')
    await put(ledger, 'branch', under('head'))
    expect(refusalOf(await put(ledger, 'head', under('none')))).toBe('422 nested_parent /parent_ref')
    expect(await pending(ledger)).toEqual([])
  })

  test('and cannot have it then, stays without it, with the reason, which is told', async () => {
    const ledger = await newLedger()
    // Each of two waits to be the other's branch; and the parent of one has a parent.
    await put(ledger, 'a', under('b'))
    await done(put(ledger, 'b', under('a')))
    await put(ledger, 'c', under('d'))
    await put(ledger, 'head')
    await done(put(ledger, 'd', under('head')))
    expect(await parentsOf(ledger, ['a', 'b', 'c', 'd', 'head'])).toEqual(['a -', 'b a', 'c -', 'd head', 'head -'])
    const refused = { state: 'refused', waiting_for: null, problem: { code: 'nested_parent', pointer: '/parent_ref' } }
    expect(await pending(ledger)).toMatchObject([
      { ref: ref('c'), ...refused },
      { ref: ref('a'), ...refused }
    ])
    expect(await ledger.events('pending_write.refused')).toHaveLength(2)
    expect((await put(ledger, 'c', { parent_id: null })).body.pending_write).toBeUndefined()
    await done(put(ledger, 'b', { parent_id: null }))
    await done(put(ledger, 'a', under('later')))
    expect(await pending(ledger)).toMatchObject([{ ref: ref('a'), state: 'waiting', problem: null }])
  })

  test('and is deleted before it does, has nothing that comes under it later', async () => {
    const ledger = await newLedger()
    for (const name of ['gone', 'new']) {
      const { body } = await put(ledger, name, under('head'))
      expect((await ledger.call('DELETE', `/v1/clients/${body.id}`)).status).toBe(204)
    }
    expect((await put(ledger, 'new')).body.pending_write).toBeUndefined()
    await done(put(ledger, 'head'))
    expect(await parentsOf(ledger, ['new', 'head'])).toEqual(['new -', 'head -'])
    expect(await pending(ledger)).toMatchObject([
      { ref: ref('gone'), state: 'refused', problem: { code: 'reference_not_found' } }
    ])
  })
})

test('a payment by a parent for an invoice of a branch waits for the branch to come under it', async () => {
  const ledger = await newLedger()
  await put(ledger, 'branch', under('head'))
  const invoice = {
    client_ref: ref('branch'),
    number: 'R',
    currency: 'EUR',
    total: '9.00',
    issued_on: '2025-12-01',
    due_on: '2026-01-31'
  }
  await done(ledger.call('PUT', at('invoices', 'i'), { body: invoice }))
  const paid = {
    client_ref: ref('head'),
    currency: 'EUR',
    amount: '9.00',
    allocations: [{ invoice_ref: ref('i'), amount: '9.00' }]
  }
  expect((await ledger.call('PUT', at('payments', 'p'), { body: paid })).status).toBe(202)
  await done(put(ledger, 'head'))
  expect(await done(ledger.call('GET', at('invoices', 'i')))).toMatchObject({ status: 'paid' })
})
