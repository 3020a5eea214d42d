import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import type { Answer } from '../../support/app.ts'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

/** Nobody looks for a deadlock here, so one that there is ends when its locks have been waited for too long: the request is refused. */
async function withoutDetection(url: string): Promise<string> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query(`do $$ begin execute format('alter database %I set deadlock_timeout = ''60s''', current_database()); end $$`)
  await admin.end()
  return url
}

const { newLedger, close } = await startDunning({ through: withoutDetection, lockTimeoutMs: 8_000, connections: 12 })
afterAll(close)

const ROUNDS = 6

const ref = (id: string) => ({ source: 'erp', id })
const at = (kind: string, id: string) => `/v1/${kind}/by-ref?${new URLSearchParams({ source: 'erp', id })}`
const due = { currency: 'EUR', issued_on: '2025-12-01', due_on: '2026-01-31' }

/** A request that came too late may be told that its reference is taken, and nothing else. */
function outcomeOf({ status, body }: Answer<unknown>): string {
  const { code } = body as { code?: string }
  return status < 300 || code === 'duplicate_reference' ? 'done' : `${status} ${code}`
}

async function allDone(
  ledger: Ledger,
  requests: readonly (readonly ['POST' | 'PUT' | 'PATCH', string, object])[]
): Promise<void> {
  const answers = await Promise.all(requests.map(([method, url, body]) => ledger.call(method, url, { body })))
  expect(answers.map(outcomeOf)).toEqual(requests.map(() => 'done'))
}

/** The names of the parents of these clients. */
async function parentsOf(ledger: Ledger, names: readonly string[]): Promise<(string | null)[]> {
  type Client = { id: string; parent_id: string | null }
  const clients = await Promise.all(names.map((id) => done(ledger.call<Client>('GET', at('clients', id)))))
  return clients.map(({ parent_id: parent }) => names[clients.findIndex(({ id }) => id === parent)] ?? null)
}

const pendingOf = async (ledger: Ledger) =>
  (
    await done(
      ledger.call<{ data: { state: string; waiting_for: { id: string } | null }[] }>('GET', '/v1/pending-writes?limit=200')
    )
  ).data

describe('requests in the same moment do not wait for each other in a circle', { timeout: 60_000 }, () => {
  test('POST and PUT of the same invoices', async () => {
    const ledger = await newLedger()
    const client_id = await ledger.addClient()
    for (let round = 0; round < ROUNDS; round += 1) {
      const names = [`a${round}`, `b${round}`]
      const posts = names.map(
        (id) => ['POST', '/v1/invoices', { client_id, number: id, total: '10.00', ...due, external_refs: [ref(id)] }] as const
      )
      const batch = names.map((id) => ({ client_id, number: id, total: '10.00', ...due, external_refs: [ref(id)] }))
      const batches = [batch, batch.toReversed()].map((invoices) => ['POST', '/v1/invoices/batch', { invoices }] as const)
      const puts = names.flatMap((id) =>
        ['10.00', '20.00'].map((total) => ['PUT', at('invoices', id), { client_id, number: id, ...due, total }] as const)
      )
      await allDone(ledger, [...puts, ...posts, ...batches])
    }
  })

  test('POST and PUT of the same payments', async () => {
    const ledger = await newLedger()
    const client_id = await ledger.addClient()
    for (let round = 0; round < ROUNDS; round += 1) {
      const names = [`a${round}`, `b${round}`]
      const body = (id: string) => ({ client_id, currency: 'EUR', amount: '10.00', reference: id })
      const posts = names.map((id) => ['POST', '/v1/payments', { ...body(id), external_refs: [ref(id)] }] as const)
      const puts = names.flatMap((id) =>
        ['20.00', '30.00'].map((amount) => ['PUT', at('payments', id), { ...body(id), amount }] as const)
      )
      await allDone(ledger, [...puts, ...posts])
    }
  })

  test.for([
    ['void', true],
    ['of another day', false]
  ] as const)('PUT of an invoice that is %s under its two references, and both name the one in its place', async ([, isVoid]) => {
    const ledger = await newLedger()
    const client_id = await ledger.addClient()
    for (let round = 0; round < ROUNDS; round += 1) {
      const refs = [ref(`a${round}`), ref(`b${round}`)]
      const made = await ledger.issue(client_id, { ...due, external_refs: refs })
      if (isVoid) await done(ledger.call('POST', `/v1/invoices/${made.id}/void`, { body: {} }))
      const puts = refs.map(({ id }, n) => {
        const body = { client_id, number: `${round}`, total: `${n + 5}.00`, ...due, issued_on: `2025-12-0${n + 2}` }
        return ['PUT', at('invoices', id), { ...body, source_version: 2 }] as const
      })
      await allDone(ledger, puts)
      const [a, b] = await Promise.all(refs.map(({ id }) => done(ledger.call<{ id: string }>('GET', at('invoices', id)))))
      expect(a).toEqual(b)
      expect(a).toMatchObject({ status: 'open', external_refs: refs })
      const { data } = await done(
        ledger.call<{ data: { id: string; number: string; status: string }[] }>('GET', '/v1/invoices?status=open&limit=200')
      )
      expect(data.filter(({ number }) => number === `${round}`).map(({ id }) => id)).toEqual([a?.id])
    }
  })

  test('PUT of a payment under its two references, and both name the one in its place', async () => {
    const ledger = await newLedger()
    const client_id = await ledger.addClient()
    for (let round = 0; round < ROUNDS; round += 1) {
      const refs = [ref(`a${round}`), ref(`b${round}`)]
      await ledger.pay(client_id, '10.00', { external_refs: refs })
      const amounts = ['20.00', '30.00']
      await allDone(
        ledger,
        refs.map(({ id }, n) => ['PUT', at('payments', id), { amount: amounts[n] }] as const)
      )
      const [a, b] = await Promise.all(refs.map(({ id }) => done(ledger.call<{ amount: string }>('GET', at('payments', id)))))
      expect(a).toEqual(b)
      expect(amounts).toContain(a?.amount)
    }
  })

  test('PATCH and PUT of the same client, each with several references', async () => {
    const ledger = await newLedger()
    for (let round = 0; round < ROUNDS; round += 1) {
      const refs = [ref(`a${round}`), ref(`b${round}`)]
      const { id } = await done(ledger.call('POST', '/v1/clients', { body: { name: 'C', external_refs: refs } }))
      const patches = [1, 2].map(
        (n) => ['PATCH', `/v1/clients/${id}`, { external_refs: [...refs, ref(`c${round}-${n}`)] }] as const
      )
      const puts = refs.flatMap((one, n) => [
        ['PUT', at('clients', one.id), { name: `C${n}` }] as const,
        ['PUT', at('clients', one.id), { name: `D${n}`, external_refs: refs.toReversed() }] as const
      ])
      await allDone(ledger, [...puts, ...patches])
    }
  })

  test('PUT of parents and of their branches, whichever is called first', async () => {
    const ledger = await newLedger()
    for (let round = 0; round < ROUNDS; round += 1) {
      const names = ['a', 'b', 'c', 'd'].map((id) => `${id}${round}`)
      const [a = '', b = '', c = '', d = ''] = names
      const put = (id: string, parent: string) => ['PUT', at('clients', id), { name: id, parent_ref: ref(parent) }] as const
      const branches = [put(a, b), put(c, b), put(a, b), put(d, b)]
      const invoices = [a, c, d].map(
        (id, n) => ['PUT', at('invoices', id), { client_ref: ref(id), number: `${n}`, total: '9.00', ...due }] as const
      )
      const parent = ['PUT', at('clients', b), { name: b, external_refs: [ref(b), ref(`0${round}`)] }] as const
      await allDone(ledger, [...branches, ...invoices, parent, ...branches.toReversed(), parent])
      expect(await parentsOf(ledger, names)).toEqual([b, null, b, b])
    }
    expect(await pendingOf(ledger)).toEqual([])
  })

  test('PUT of three clients, each of which names the next one as its parent, of which some are told that they cannot have it', async () => {
    const ledger = await newLedger()
    for (let round = 0; round < ROUNDS; round += 1) {
      const names = ['a', 'b', 'c'].map((id) => `${id}${round}`)
      const inCircle = names.map(
        (id, n) => ['PUT', at('clients', id), { name: id, parent_ref: ref(names[(n + 1 + (round % 2)) % 3] ?? '') }] as const
      )
      const answers = await Promise.all(
        [...inCircle, ...inCircle].map(([method, url, body]) => ledger.call(method, url, { body }))
      )
      expect(answers.map(outcomeOf).filter((outcome) => outcome !== 'done' && !outcome.endsWith(' nested_parent'))).toEqual([])
    }
    const waiting = (await pendingOf(ledger)).filter(({ state }) => state === 'waiting')
    for (const { waiting_for: awaited } of waiting) {
      expect((await ledger.call('GET', at('clients', awaited?.id ?? ''))).status).toBe(404)
    }
  })
})
