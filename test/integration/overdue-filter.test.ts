import { afterAll, expect, test } from 'vitest'
import { done, type InvoiceBody, type Ledger, startDunning } from '../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

async function listed(ledger: Ledger, filter = ''): Promise<InvoiceBody[]> {
  const found: InvoiceBody[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const more = cursor === '' ? '' : `&cursor=${cursor}`
    const page: { data: InvoiceBody[]; next_cursor: string | null } = await done(
      ledger.call('GET', `/v1/invoices?limit=7${filter}${more}`)
    )
    found.push(...page.data)
    cursor = page.next_cursor
  }
  return found
}

const idsOf = (invoices: readonly InvoiceBody[]) => invoices.map(({ id }) => id).toSorted()

test('what a list of overdue invoices has is what says that it is overdue, in the day of each client', async () => {
  const ledger = await newLedger({ clockAt: '2026-06-01T00:00:00Z' })
  const clientId = await ledger.addClient({ time_zone: 'Europe/Berlin' })
  const { id } = await ledger.issue(clientId, { issued_on: '2026-06-01', due_on: '2026-06-10' })
  await ledger.advance('2026-06-10T21:59:59Z')
  expect([await listed(ledger, '&is_overdue=true'), idsOf(await listed(ledger, '&is_overdue=false'))]).toEqual([[], [id]])
  await ledger.advance('2026-06-10T23:30:00Z')
  expect((await ledger.invoice(id)).is_overdue).toBe(true)
  expect([idsOf(await listed(ledger, '&is_overdue=true')), await listed(ledger, '&is_overdue=false')]).toEqual([[id], []])
})

test.each(['UTC', 'Asia/Tokyo', 'America/Los_Angeles'])(
  'the two lists share all invoices between them at every hour, in an organization in %s',
  async (timeZone) => {
    const ledger = await newLedger({ clockAt: '2026-06-01T00:00:00Z', timeZone })
    const zones = [null, 'Europe/Berlin', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Calcutta', 'America/St_Johns']
    for (const zone of zones) {
      const clientId = await ledger.addClient({ time_zone: zone })
      const due = ['2026-06-09', '2026-06-10', '2026-06-11']
      for (const due_on of due) await ledger.issue(clientId, { issued_on: '2026-06-01', due_on })
      const due_schedule = due.slice(1).map((due_on) => ({ due_on, amount: '50.00' }))
      await ledger.issue(clientId, { issued_on: '2026-06-01', due_schedule })
      await ledger.pay(clientId, '100.00')
    }
    for (let hour = 0; hour <= 60; hour += 4) {
      await ledger.advance(new Date(Date.UTC(2026, 5, 9, 9 + hour)).toISOString())
      const all = await listed(ledger)
      expect(all).toHaveLength(24)
      const overdue = idsOf(all.filter((one) => one.is_overdue))
      expect(idsOf(await listed(ledger, '&is_overdue=true'))).toEqual(overdue)
      expect(idsOf(await listed(ledger, '&is_overdue=false'))).toEqual(idsOf(all.filter((one) => !one.is_overdue)))
    }
  }
)
