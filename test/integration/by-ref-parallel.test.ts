import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const WRITES = 50

/** Three clients that owe something, and writes of a source that all come at once. */
async function crowd() {
  const ledger = await newLedger({ clockAt: '2026-01-10T12:00:00Z' })
  const clientIds = [await ledger.addClient(), await ledger.addClient(), await ledger.addClient()]
  for (const id of clientIds) await ledger.issue(id, { issued_on: '2025-12-01', due_on: '2025-12-31' })
  const at = (kind: string, id: string) => `/v1/${kind}/by-ref?source=erp&id=${id}`
  const put = async (kind: string, id: string, body: object) => (await ledger.call('PUT', at(kind, id), { body })).status
  /** The statuses of which there was at least one. */
  const together = async (write: (n: number) => Promise<number>) =>
    [...new Set(await Promise.all(Array.from({ length: WRITES }, (_, n) => write(n))))].toSorted()
  return { ledger, clientIds, put, together }
}

const money = { currency: 'EUR', amount: '10.00', received_on: '2026-01-05' }
const debt = { currency: 'EUR', total: '10.00', issued_on: '2025-12-01', due_on: '2025-12-31' }

test('fifty writes at once under one reference are all done, of a client, an invoice and a payment alike', async () => {
  const { clientIds, put, together } = await crowd()
  const [client_id] = clientIds
  expect(await together((n) => put('clients', 'c', { name: `Acme ${n}`, time_zone: 'UTC' }))).toEqual([200, 201])
  expect(await together((n) => put('invoices', 'i', { ...debt, client_id, number: `${n}` }))).toEqual([200, 201])
  expect(await together((n) => put('payments', 'p', { ...money, client_id, amount: `${n + 1}.00` }))).toEqual([200, 201])
})

test('fifty writes at once that move a few invoices and payments between clients are all done', async () => {
  const { clientIds, put, together } = await crowd()
  const few = (n: number) => ({ ref: `r${n % 5}`, client_id: clientIds[n % 3] })
  const invoices = await together((n) => put('invoices', few(n).ref, { ...debt, client_id: few(n).client_id, number: `${n}` }))
  expect(invoices).toEqual([200, 201])
  const payments = await together((n) => put('payments', few(n).ref, { ...money, client_id: few(n).client_id }))
  expect(payments).toEqual([200, 201])
})

test('fifty payments at once that name clients, and clients that come meanwhile, are all done or wait', async () => {
  const { ledger, put, together } = await crowd()
  const client = (n: number) => `new${n % 2}`
  const statuses = await together((n) =>
    n % 5 === 0
      ? put('clients', client(n), { name: 'New Ltd', time_zone: 'UTC' })
      : put('payments', `r${n % 4}`, { ...money, client_ref: { source: 'erp', id: client(n) } })
  )
  for (const status of statuses) expect([200, 201, 202]).toContain(status)
  expect((await ledger.call<{ data: unknown[] }>('GET', '/v1/pending-writes')).body.data).toEqual([])
})
