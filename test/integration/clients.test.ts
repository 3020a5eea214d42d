import pg from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { statement } from '../../src/db/statement.ts'
import { newId } from '../../src/ids.ts'
import type { ClientDocument } from '../../src/modules/clients/client-document.ts'
import { createClientService } from '../../src/modules/clients/service.ts'
import { type Answer, refusalOf, startApp } from '../support/app.ts'
import { eventsAbout } from '../support/events.ts'

const service = await startApp({ clockAt: '2025-03-01T12:00:00Z' })
const { call, services, database } = service
afterAll(service.close)

type Page = { data: ClientDocument[]; next_cursor: string | null }

async function create(body: object = {}): Promise<ClientDocument> {
  const made = await call<ClientDocument>('POST', '/v1/clients', { body: { name: 'Acme', ...body } })
  expect(made).toMatchObject({ status: 201 })
  return made.body
}

const patch = (id: string, body: object, headers = {}) => call<ClientDocument>('PATCH', `/v1/clients/${id}`, { body, headers })

const whole = {
  name: 'شرکت نمونه',
  locale: 'fa-IR',
  time_zone: 'Asia/Tehran',
  currency: 'EUR',
  payment_terms: { kind: 'end_of_month', days: 10, calendar: 'persian' },
  dunning_policy_id: service.defaultPolicyId,
  dunning_exempt_until_on: '2026-04-30',
  tags: ['wholesale', 'north'],
  metadata: { zone: 'n', a: '1', longer_key: '' },
  contacts: [
    { name: 'Sara', salutation: 'Ms', role: 'billing', email: 'sara@example.com', phone: '+98 21 1234', locale: 'fa' },
    { name: 'Reza', role: 'owner', do_not_contact: true }
  ],
  external_refs: [
    { source: 'crm', id: '77' },
    { source: 'xero', id: 'c/1' }
  ]
}

describe('what is sent comes back', () => {
  test('a client with everything reads back as it was answered, and as its event told it', async () => {
    const made = await create({ ...whole, external_refs: whole.external_refs.toReversed() })
    expect(made).toMatchObject({ ...whole, contacts: [{ salutation: 'Ms', do_not_contact: false }, { email: null }] })
    const { body, headers } = await call('GET', `/v1/clients/${made.id}`)
    expect(body).toEqual(made)
    expect(headers['etag']).toBe('"1"')
    const [event, ...more] = await eventsAbout(service, made.id)
    expect(more).toEqual([])
    expect(event).toMatchObject({ type: 'client.created', data: { organization_id: service.id, previous: null } })
    expect(JSON.stringify(event?.data.object)).toBe(JSON.stringify(body))
  })

  test('a client with nothing but a name has nulls and empty lists, never missing fields', async () => {
    const made = await create()
    expect(made).toMatchObject({ locale: null, payment_terms: null, parent_id: null, tags: [], metadata: {}, contacts: [] })
    expect(Object.keys(made).sort()).toEqual(Object.keys(await create(whole2())).sort())
  })

  test("a test organization's clients are dated by its own clock, not by the machine's", async () => {
    const made = await create()
    expect(made.created_at).toBe('2025-03-01T12:00:00.000Z')
    expect((await eventsAbout(service, made.id))[0]?.timestamp).toBe('2025-03-01T12:00:00.000Z')
  })

  test('an empty answer of a list is a page too', async () => {
    const { call: newcomer } = await service.addOrganization()
    expect((await newcomer<Page>('GET', '/v1/clients')).body).toEqual({ data: [], next_cursor: null })
  })
})

function whole2() {
  return { ...whole, external_refs: [{ source: 'xero', id: newId() }] }
}

describe('changes', () => {
  test('what is absent stays, null clears, and the event holds the former values of just what changed', async () => {
    const made = await create({ locale: 'de', tags: ['a'], metadata: { k: 'v' }, time_zone: 'Asia/Tehran' })
    const { body, headers } = await patch(made.id, { locale: null, time_zone: null, tags: ['b'] })
    expect(body).toEqual({ ...made, locale: null, time_zone: null, tags: ['b'], version: 2, updated_at: body.updated_at })
    expect(headers['etag']).toBe('"2"')
    const [, updated] = await eventsAbout<ClientDocument>(service, made.id)
    expect(updated?.type).toBe('client.updated')
    expect(updated?.data.object).toEqual(body)
    expect(updated?.data.previous).toEqual({ locale: 'de', time_zone: 'Asia/Tehran', tags: ['a'] })
  })

  test('a change that changes nothing raises no version and tells nobody', async () => {
    const made = await create(whole2())
    const { name, metadata, contacts, external_refs: refs, payment_terms: terms } = made
    const reversed = Object.fromEntries(Object.entries(metadata).reverse())
    const same = { name, metadata: reversed, contacts, external_refs: refs.toReversed(), payment_terms: terms }
    expect((await patch(made.id, same)).body).toEqual(made)
    expect(await eventsAbout(service, made.id)).toHaveLength(1)
  })

  test('a contact keeps its identity by its id, and those left out are gone', async () => {
    const made = await create({ contacts: [{ name: 'A' }, { name: 'B' }, { name: 'C' }] })
    const [a, b] = made.contacts
    const { body } = await patch(made.id, { contacts: [{ id: b?.id, name: 'Bea' }, { name: 'D' }, { id: a?.id, name: 'A' }] })
    expect(body.contacts.map(({ name }) => name)).toEqual(['Bea', 'D', 'A'])
    expect([body.contacts[0]?.id, body.contacts[2]?.id]).toEqual([b?.id, a?.id])
    const { body: read } = await call<ClientDocument>('GET', `/v1/clients/${made.id}`)
    expect(read.contacts).toEqual(body.contacts)
  })

  test('If-Match lets exactly one of five simultaneous changes through', async () => {
    const { id } = await create()
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => patch(id, { name: `Name ${n}` }, { 'if-match': '"1"' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412])
    expect(refusalOf(await patch(id, { name: 'Late' }, { 'if-match': '"1"' }))).toBe('412 version_conflict')
    expect((await call('GET', `/v1/clients/${id}`)).body).toMatchObject({ version: 2 })
    expect(await eventsAbout(service, id)).toHaveLength(2)
  })

  test('simultaneous changes without If-Match lose none of each other', async () => {
    const { id } = await create()
    await Promise.all([patch(id, { locale: 'de' }), patch(id, { tags: ['x'] }), patch(id, { contacts: [{ name: 'A' }] })])
    expect((await call('GET', `/v1/clients/${id}`)).body).toMatchObject({
      version: 4,
      locale: 'de',
      tags: ['x'],
      contacts: [{ name: 'A' }]
    })
  })

  test('dunning hears of a changed policy, time zone or exemption, and of nothing else', async () => {
    const heard: string[] = []
    const ports = {
      offboardingStarted: async () => undefined,
      groundsChanged: async (_tx: unknown, { clientId }: { clientId: string }) => heard.push(clientId),
      parentChanged: async () => undefined,
      named: async () => undefined
    }
    const clients = createClientService({ ...services, newId, ports })
    const { id } = await create()
    const change = (fields: object) => database.scoped(service.id, (tx) => clients.update(tx, { id, change: fields }))
    await change({ name: 'Other', tags: ['x'], archived: true })
    expect(heard).toEqual([])
    await change({ timeZone: 'Asia/Tokyo' })
    await change({ dunningPolicyId: service.defaultPolicyId, policyAppliesTo: 'all' })
    await change({ dunningExemptUntilOn: '2026-01-31' })
    expect(heard).toEqual([id, id, id])
  })
})

describe('deleting', () => {
  test('a client without ledger goes, with contacts and references, and says so', async () => {
    const made = await create({ contacts: [{ name: 'A' }], external_refs: [{ source: 'gone', id: '1' }] })
    expect(await call('DELETE', `/v1/clients/${made.id}`)).toMatchObject({ status: 204, body: null })
    expect(refusalOf(await call('GET', `/v1/clients/${made.id}`))).toBe('404 not_found')
    expect(refusalOf(await call('DELETE', `/v1/clients/${made.id}`))).toBe('404 not_found')
    expect((await eventsAbout(service, made.id)).at(-1)).toMatchObject({ type: 'client.deleted', data: { object: made } })
    await create({ external_refs: [{ source: 'gone', id: '1' }] })
  })

  test('a client with a ledger stays, and so does a parent', async () => {
    const parent = await create()
    const child = await create({ parent_id: parent.id })
    await writeLedgerEntry(child.id)
    expect(refusalOf(await call('DELETE', `/v1/clients/${child.id}`))).toBe('409 client_has_ledger')
    expect(refusalOf(await call('DELETE', `/v1/clients/${parent.id}`))).toBe('409 client_has_children')
    expect((await call('GET', `/v1/clients/${child.id}`)).body).toEqual(child)
  })

  async function writeLedgerEntry(clientId: string): Promise<void> {
    const admin = new pg.Client({ connectionString: service.databaseUrl })
    await admin.connect()
    await admin.query(
      `insert into ledger_entries (org_id, id, kind, client_id, currency, balance_minor, unapplied_minor, effective_on, recorded_at)
       values ($1, $2, 'payment', $3, 'EUR', 0, 0, '2026-01-01', now())`,
      [service.id, newId(), clientId]
    )
    await admin.end()
  }
})

describe('parents', () => {
  test('a family has one level, from whichever side it is asked', async () => {
    const [parent, child, other] = [await create(), await create(), await create()]
    expect((await patch(child.id, { parent_id: parent.id })).body.parent_id).toBe(parent.id)
    expect(refusalOf(await patch(parent.id, { parent_id: other.id }))).toBe('422 nested_parent /parent_id')
    expect(refusalOf(await patch(other.id, { parent_id: child.id }))).toBe('422 nested_parent /parent_id')
    expect(refusalOf(await patch(other.id, { parent_id: other.id }))).toBe('422 nested_parent /parent_id')
    expect(refusalOf(await patch(other.id, { parent_id: newId() }))).toBe('422 reference_not_found /parent_id')
    expect((await patch(child.id, { parent_id: null })).body.parent_id).toBeNull()
    expect((await patch(parent.id, { parent_id: other.id })).status).toBe(200)
  })

  test('two changes at once, each fine alone, do not build a second level', async () => {
    for (let round = 0; round < 8; round++) {
      const [a, b, c] = [await create(), await create(), await create()]
      const answers = await Promise.all([patch(a.id, { parent_id: b.id }), patch(b.id, { parent_id: c.id })])
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 422])
    }
  })
})

describe('lists', () => {
  test('pages go through all clients once, newest first, while others are added', async () => {
    const tenant = await service.addOrganization()
    const made: string[] = []
    for (let n = 0; n < 7; n++) {
      made.push((await tenant.call<ClientDocument>('POST', '/v1/clients', { body: { name: `Client ${n}` } })).body.id)
    }
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: Answer<Page> = await tenant.call<Page>('GET', `/v1/clients?limit=3${after}`)
      seen.push(...page.body.data.map(({ id }) => id))
      cursor = page.body.next_cursor
      await tenant.call('POST', '/v1/clients', { body: { name: 'Newcomer' } })
    }
    expect(seen).toEqual(made.toReversed())
  })

  test('filters by tag and by the last change', async () => {
    const tenant = await service.addOrganization({ mode: 'live' })
    const { body: old } = await tenant.call<ClientDocument>('POST', '/v1/clients', { body: { name: 'Old', tags: ['vip'] } })
    service.clock.advance(60_000)
    const since = service.clock.now().toISOString()
    await tenant.call('POST', '/v1/clients', { body: { name: 'New', tags: ['vip', 'eu'] } })
    const names = async (query: string) =>
      (await tenant.call<Page>('GET', `/v1/clients?${query}`)).body.data.map(({ name }) => name)
    expect(await names(`updated_since=${since}`)).toEqual(['New'])
    expect(await names('tag=vip')).toEqual(['New', 'Old'])
    expect(await names('tag=eu')).toEqual(['New'])
    expect(await names('tag=VIP')).toEqual([])
    await tenant.call('PATCH', `/v1/clients/${old.id}`, { body: { locale: 'de' } })
    expect(await names(`updated_since=${since}`)).toEqual(['New', 'Old'])
  })
})

describe('one effect per idempotency key', () => {
  test('five simultaneous requests make one client and get one answer', async () => {
    const tenant = await service.addOrganization()
    const options = { body: { name: 'Once', tags: ['once'] }, headers: { 'idempotency-key': 'k-1' } }
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => tenant.call<ClientDocument>('POST', '/v1/clients', options)))
    expect(new Set(answers.map(({ status, body, headers }) => JSON.stringify([status, body, headers['etag']]))).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(4)
    expect((await tenant.call<Page>('GET', '/v1/clients')).body.data).toEqual([answers[0]?.body])
    const other = { ...options, body: { name: 'Other' } }
    expect(refusalOf(await tenant.call('POST', '/v1/clients', other))).toBe('422 idempotency_key_reused')
  })
})

describe('walls between organizations', () => {
  test("another organization's client is not there: not to read, change, delete, nor to name", async () => {
    const stranger = await service.addOrganization()
    const { id } = await create({ external_refs: [{ source: 'wall', id: '1' }] })
    const byRef = '/v1/clients/by-ref?source=wall&id=1'
    expect(refusalOf(await stranger.call('GET', `/v1/clients/${id}`))).toBe('404 not_found')
    expect(refusalOf(await stranger.call('PATCH', `/v1/clients/${id}`, { body: { name: 'Mine' } }))).toBe('404 not_found')
    expect(refusalOf(await stranger.call('DELETE', `/v1/clients/${id}`))).toBe('404 not_found')
    expect(refusalOf(await stranger.call('GET', byRef))).toBe('404 not_found')
    expect(refusalOf(await stranger.call('DELETE', byRef))).toBe('404 not_found')
    const child = await stranger.call('POST', '/v1/clients', { body: { name: 'Child', parent_id: id } })
    expect(refusalOf(child)).toBe('422 reference_not_found /parent_id')
    const policy = { name: 'Dunned', dunning_policy_id: service.defaultPolicyId }
    const dunned = await stranger.call('POST', '/v1/clients', { body: policy })
    expect(refusalOf(dunned)).toBe('422 reference_not_found /dunning_policy_id')
    const own = await stranger.call<ClientDocument>('PUT', byRef, { body: { name: 'Own' } })
    expect(own.status).toBe(201)
    expect(own.body.id).not.toBe(id)
    expect((await call('GET', `/v1/clients/${id}`)).body).toMatchObject({ name: 'Acme', version: 1 })
  })

  test('row-level security holds where a query forgets its organization', async () => {
    const stranger = await service.addOrganization()
    await stranger.call('POST', '/v1/clients', { body: { name: 'Secret', contacts: [{ name: 'S' }] } })
    await create({ contacts: [{ name: 'A' }], external_refs: [{ source: 'rls', id: '1' }] })
    for (const table of ['clients', 'contacts', 'external_refs']) {
      const all = statement<{ org_id: string }>(`test.all_${table}`, `select org_id from ${table}`)
      const seen = await database.reading(service.id, (reader) => reader.run(all, []))
      expect(new Set(seen.map((row) => row.org_id))).toEqual(new Set([service.id]))
    }
    const rename = statement<{ org_id: string }>('test.rename_all', `update clients set name = 'Mine' returning org_id`)
    const renamed = database.scoped(service.id, async (tx) => {
      const rows = await tx.run(rename, [])
      expect(new Set(rows.map((row) => row.org_id))).toEqual(new Set([service.id]))
      throw new Error('enough seen')
    })
    await expect(renamed).rejects.toThrow('enough seen')
    const intrude = statement<object>(
      'test.intrude',
      `insert into external_refs values ($1, 'client', 'a', 'b', $1, null, now())`
    )
    await expect(database.scoped(service.id, (tx) => tx.run(intrude, [stranger.id]))).rejects.toThrow('row-level security')
  })
})
