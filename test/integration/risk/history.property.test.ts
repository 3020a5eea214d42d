import fc from 'fast-check'
import { afterAll, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'
import { expectFaithful, refresh } from '../../support/risk.ts'

const { newLedger, database, services, close } = await startDunning()
afterAll(close)

type World = { ledger: Ledger; clients: string[]; invoices: string[]; payments: string[] }
type Step = Readonly<{ kind: string; n: number; m: number }>

const kinds = ['issue', 'pay', 'late', 'reverse', 'void', 'writeOff', 'dispute', 'reschedule', 'advance', 'refresh'] as const
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  n: fc.nat({ max: 40 }),
  m: fc.nat({ max: 40 })
})

const dayAfter = (now: string, days: number) => new Date(Date.parse(now) + days * 86_400_000).toISOString().slice(0, 10)

/** Refused is as good as done: what is kept has to equal the ledger either way. */
async function take({ ledger, clients, invoices, payments }: World, { kind, n, m }: Step): Promise<void> {
  const { now_at: now } = await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))
  const clientId = clients[n % clients.length] as string
  const invoice = `/v1/invoices/${invoices[n % invoices.length]}`
  if (kind === 'issue') {
    const body = {
      issued_on: dayAfter(now, -(m % 20)),
      due_on: dayAfter(now, n % 30),
      total: `${1 + m}.50`,
      currency: n % 5 === 0 ? 'USD' : 'EUR'
    }
    invoices.push((await ledger.issue(clientId, body)).id)
  } else if (kind === 'pay' || kind === 'late') {
    payments.push(await ledger.pay(clientId, `${1 + m * 2}.00`, { received_on: dayAfter(now, kind === 'late' ? -n : 0) }))
  } else if (kind === 'advance') await ledger.advance(1 + (n % 12))
  else if (kind === 'refresh') await refresh({ database, services, orgId: ledger.id })
  else if (kind === 'reverse' && payments.length > 0) {
    await ledger.call('POST', `/v1/payments/${payments[n % payments.length]}/reverse`, { body: { reason: 'bounced' } })
  } else if (invoices.length > 0) {
    if (kind === 'void') await ledger.call('POST', `${invoice}/void`, { body: {} })
    if (kind === 'writeOff') await ledger.call('POST', `${invoice}/write-off`, { body: {} })
    if (kind === 'reschedule') await ledger.call('POST', `${invoice}/reschedule`, { body: { due_on: dayAfter(now, m) } })
    if (kind === 'dispute') {
      const body = { invoice_id: invoices[n % invoices.length], reason: 'quality' }
      await ledger.call('POST', '/v1/disputes', { body })
    }
  }
}

const RUNS = Number(process.env['RISK_RUNS'] ?? 8)

test(`what events keep equals the ledger, in any order of issues, payments, bounces, voids, late facts and days (${RUNS} histories)`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const ledger = await newLedger()
      const world: World = { ledger, clients: await ledger.addClients(2), invoices: [], payments: [] }
      for (const one of steps) await take(world, one)
      const of = { database, services, orgId: ledger.id }
      await refresh(of)
      await expectFaithful(of)
      await ledger.advance(1)
      await refresh(of)
      await expectFaithful(of)
    }),
    { numRuns: RUNS, endOnFailure: true, ...(process.env['RISK_RUNS'] === undefined && { seed: 1 }) }
  )
}, 240_000)
