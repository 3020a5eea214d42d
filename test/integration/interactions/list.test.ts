import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InteractionDocument } from '../../../src/modules/interactions/schemas.ts'
import { refusalOf, startApp } from '../../support/app.ts'
import { done } from '../../support/dunning.ts'

const service = await startApp({ mode: 'live' })
const { call, clock } = service
afterAll(service.close)

type Page = { data: InteractionDocument[]; next_cursor: string | null }

const ids = { acme: '', bolt: '', first: '', second: '' }
const names = new Map<string, string>()

async function invoiceOf(clientId: string, number: string): Promise<string> {
  const body = { client_id: clientId, number, currency: 'EUR', total: '100.00', issued_on: '2026-01-01', due_on: '2026-02-01' }
  return (await done(call<{ id: string }>('POST', '/v1/invoices', { body }))).id
}

/** A minute after the one before, so that the order is known. */
async function log(name: string, body: object): Promise<void> {
  clock.advance(60_000)
  const { id } = await done(call<{ id: string }>('POST', '/v1/interactions', { body }))
  names.set(id, name)
}

beforeAll(async () => {
  for (const name of ['acme', 'bolt'] as const) {
    ids[name] = (await done(call<{ id: string }>('POST', '/v1/clients', { body: { name } }))).id
  }
  ids.first = await invoiceOf(ids.acme, 'R-1')
  ids.second = await invoiceOf(ids.acme, 'R-2')
  const [acme, bolt] = [{ client_id: ids.acme }, { client_id: ids.bolt }]
  await log('call', { ...acme, kind: 'call', direction: 'outbound', outcome: 'no_answer', invoice_ids: [ids.first] })
  await log('mail', { ...acme, kind: 'e_mail', direction: 'inbound', outcome: 'replied', invoice_ids: [ids.first, ids.second] })
  await log('note', { ...acme, kind: 'note' })
  await log('visit', { ...bolt, kind: 'visit', direction: 'outbound', outcome: 'no_answer' })
  // What is told late stands where it was told, not where it happened.
  await log('late', { ...bolt, kind: 'call', direction: 'inbound', occurred_at: '2025-12-01T10:00:00Z' })
})

async function listed(query = ''): Promise<string[]> {
  const { data } = await done(call<Page>('GET', `/v1/interactions${query}`))
  return data.map(({ id }) => names.get(id) ?? id)
}

test('the newest comes first', async () => {
  expect(await listed()).toEqual(['late', 'visit', 'note', 'mail', 'call'])
})

test.for<readonly [what: string, query: () => string, found: readonly string[]]>([
  ['of a client', () => `?client_id=${ids.acme}`, ['note', 'mail', 'call']],
  ['about an invoice', () => `?invoice_id=${ids.first}`, ['mail', 'call']],
  ['about another invoice', () => `?invoice_id=${ids.second}`, ['mail']],
  ['of a kind', () => '?kind=call', ['late', 'call']],
  ['of an outcome', () => '?outcome=no_answer', ['visit', 'call']],
  ['of all at once', () => `?client_id=${ids.acme}&invoice_id=${ids.first}&kind=call&outcome=no_answer`, ['call']],
  ['of what does not go together', () => `?client_id=${ids.bolt}&invoice_id=${ids.first}`, []],
  ['since an instant', () => `?updated_since=${clock.now().toISOString()}`, ['late']],
  ['of nobody', () => '?client_id=01900000-0000-7000-8000-000000000001', []]
])('those %s, and no others', async ([, query, found]) => {
  expect(await listed(query())).toEqual(found)
})

test('pages follow each other under a filter, and hold each row once', async () => {
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = `client_id=${ids.acme}&limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`
    const page: Page = await done(call<Page>('GET', `/v1/interactions?${query}`))
    seen.push(...page.data.map(({ id }) => names.get(id) ?? id))
    cursor = page.next_cursor
  }
  expect(seen).toEqual(['note', 'mail', 'call'])
})

test.for([
  ['kind=fax', '400 invalid_request /kind'],
  ['outcome=paid', '400 invalid_request /outcome'],
  ['client_id=seven', '400 invalid_request /client_id'],
  ['direction=inbound', '400 invalid_request /direction'],
  ['cursor=nonsense', '400 invalid_cursor /cursor']
] as const)('?%s is refused as %s', async ([query, refusal]) => {
  expect(refusalOf(await call('GET', `/v1/interactions?${query}`))).toBe(refusal)
})
