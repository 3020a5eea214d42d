import { afterAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/ids.ts'
import { DomainError } from '../../src/kernel/errors.ts'
import type { ClientDocument } from '../../src/modules/clients/client-document.ts'
import { refusalOf, startApp } from '../support/app.ts'
import { eventsAbout } from '../support/events.ts'

const service = await startApp()
const { call, database, services } = service
const { references } = services
afterAll(service.close)

type ByRef = ClientDocument & { applied: boolean }
type Page = { data: ClientDocument[] }

const at = (source: string, id: string) => `/v1/clients/by-ref?${new URLSearchParams({ source, id })}`
const put = (url: string, body: object, headers = {}) => call<ByRef>('PUT', url, { body, headers })

function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof DomainError ? `${error.code} ${error.pointer ?? ''}`.trim() : String(error))
  )
}

describe('PUT by reference', () => {
  test('makes a client with its name, then merges: what is absent stays, null clears', async () => {
    const url = at('xero', 'contacts/ä 1&2')
    const made = await put(url, { name: 'Acme', locale: 'de', tags: ['a'] })
    expect(made).toMatchObject({ status: 201, body: { applied: true, version: 1, locale: 'de' }, headers: { etag: '"1"' } })
    expect(made.body.external_refs).toEqual([{ source: 'xero', id: 'contacts/ä 1&2' }])
    const merged = await put(url, { locale: null, time_zone: 'Europe/Berlin' })
    expect(merged.body).toEqual({
      ...made.body,
      locale: null,
      time_zone: 'Europe/Berlin',
      version: 2,
      updated_at: merged.body.updated_at
    })
    const { applied, ...client } = merged.body
    expect(applied).toBe(true)
    expect((await call('GET', url)).body).toEqual(client)
    expect((await eventsAbout(service, client.id)).map(({ type }) => type)).toEqual(['client.created', 'client.updated'])
  })

  test('ten at once make one client, and each of their changes is in it', async () => {
    const url = at('sync', 'rush')
    const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => put(url, { name: 'Rush', metadata: { n: `${n}` } })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 200, 200, 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    const found = (await call<Page>('GET', '/v1/clients?limit=200')).body.data.filter(({ name }) => name === 'Rush')
    expect(found).toHaveLength(1)
    expect(found[0]?.version).toBe(10)
    expect(await eventsAbout(service, found[0]?.id ?? '')).toHaveLength(10)
  })

  test('replaying a sync changes nothing, not even the ids of contacts', async () => {
    const url = at('sync', 'replayed')
    const body = { name: 'Same', contacts: [{ name: 'A', email: 'a@example.com' }, { name: 'B' }], source_version: 3 }
    const first = await put(url, body)
    const again = await put(url, { ...body, contacts: body.contacts.toReversed().toReversed() })
    expect(again).toMatchObject({ status: 200, body: first.body })
    const renamed = await put(url, {
      contacts: [
        { name: 'Anna', email: 'a@example.com' },
        { name: 'B', phone: '1' }
      ]
    })
    expect(renamed.body.contacts.map(({ id }) => id)).toEqual(first.body.contacts.map(({ id }) => id))
  })

  test('an older source_version changes nothing and says so, in whatever order versions come', async () => {
    const url = at('sync', 'versioned')
    await put(url, { name: 'Two', source_version: 2 })
    expect((await put(url, { name: 'One', source_version: 1 })).body).toMatchObject({ applied: false, name: 'Two', version: 1 })
    expect((await put(url, { name: 'Nine', source_version: 9 })).body).toMatchObject({ applied: true, name: 'Nine', version: 2 })
    const stale = await put(url, { name: 'Five', source_version: 5 })
    expect(stale).toMatchObject({ status: 200, body: { applied: false, name: 'Nine' }, headers: { etag: '"2"' } })
    const versions = [14, 11, 16, 12, 19, 13, 15, 18, 10, 17]
    await Promise.all(versions.map((version) => put(url, { name: `V${version}`, source_version: version })))
    expect((await call('GET', url)).body).toMatchObject({ name: 'V19' })
  })

  test('a refused PUT leaves no claim behind', async () => {
    const url = at('sync', 'refused')
    expect(refusalOf(await put(url, {}))).toBe('400 invalid_request /name')
    expect(refusalOf(await put(url, { name: 'N', parent_id: newId() }))).toBe('422 reference_not_found /parent_id')
    expect(refusalOf(await put(url, { name: 'N' }, { 'if-match': '"1"' }))).toBe('412 version_conflict')
    expect(refusalOf(await put(url, { name: 'N', source_version: -1 }))).toBe('400 invalid_request /source_version')
    expect(refusalOf(await put(url, { name: 'N', source_version: '1' }))).toBe('400 invalid_request /source_version')
    expect(refusalOf(await call('GET', url))).toBe('404 not_found')
    expect((await put(url, { name: 'N' })).status).toBe(201)
    expect(refusalOf(await put(url, { name: 'M' }, { 'if-match': '"7"' }))).toBe('412 version_conflict')
  })

  test('a list of references in the body replaces the others and keeps the one it was put by', async () => {
    const url = at('sync', 'listed')
    const refs = [{ source: 'crm', id: 'l-1' }]
    const made = await put(url, { name: 'Listed', external_refs: refs })
    expect(made.body.external_refs).toEqual([...refs, { source: 'sync', id: 'listed' }])
    const emptied = await put(url, { external_refs: [] })
    expect(emptied.body.external_refs).toEqual([{ source: 'sync', id: 'listed' }])
    expect(refusalOf(await call('GET', at('crm', 'l-1')))).toBe('404 not_found')
    expect((await put(at('crm', 'l-1'), { name: 'Free again' })).status).toBe(201)
    const taken = await put(url, { external_refs: refs })
    expect(refusalOf(taken)).toBe('409 duplicate_reference /external_refs/0')
  })
})

describe('DELETE by reference', () => {
  test('archives once, and what the source sends later does not take that back unless it says so', async () => {
    const url = at('sync', 'archived')
    const { body: made } = await put(url, { name: 'Gone' })
    const archived = await call<ClientDocument>('DELETE', url)
    expect(archived).toMatchObject({ status: 200, body: { id: made.id, version: 2 }, headers: { etag: '"2"' } })
    expect(archived.body.archived_at).toBe(archived.body.updated_at)
    expect((await call('DELETE', url)).body).toEqual(archived.body)
    expect((await put(url, { name: 'Gone' })).body.archived_at).not.toBeNull()
    expect((await put(url, { archived: false })).body.archived_at).toBeNull()
    expect((await put(at('sync', 'born archived'), { name: 'Old', archived: true })).body.archived_at).not.toBeNull()
    expect(refusalOf(await call('DELETE', at('sync', 'unknown')))).toBe('404 not_found')
  })
})

describe('names of objects', () => {
  const scoped = <T>(work: Parameters<typeof database.scoped<T>>[1]) => database.scoped(service.id, work)

  test('a body names an object by exactly one of id and reference', async () => {
    const objectId = newId()
    const ref = { source: 'erp', id: 'r-1' }
    await scoped((tx) => references.add(tx, { kind: 'invoice', objectId, refs: [ref] }))
    const resolve = (named: object) => {
      const pointers = { id: '/invoice_id', ref: '/invoice_ref' }
      return scoped((tx) => references.resolve(tx, { kind: 'invoice', ...named, pointers }))
    }
    expect(await resolve({ id: objectId })).toBe(objectId)
    expect(await resolve({ ref })).toBe(objectId)
    expect(await codeOf(resolve({}))).toBe('invalid_request /invoice_id')
    expect(await codeOf(resolve({ id: objectId, ref }))).toBe('invalid_request /invoice_ref')
    expect(await codeOf(resolve({ ref: { source: 'erp', id: 'r-2' } }))).toBe('reference_not_found /invoice_ref')
  })

  test('the same name may belong to a client and to an invoice, never to two invoices', async () => {
    const [first, second] = [newId(), newId()]
    const refs = [{ source: 'erp', id: 'shared' }]
    await scoped((tx) => references.add(tx, { kind: 'client', objectId: first, refs }))
    await scoped((tx) => references.add(tx, { kind: 'invoice', objectId: second, refs }))
    await scoped((tx) => references.add(tx, { kind: 'invoice', objectId: second, refs }))
    const taken = scoped((tx) => references.add(tx, { kind: 'invoice', objectId: first, refs }))
    await expect(taken).rejects.toMatchObject({ code: 'duplicate_reference', existingId: second, pointer: '/external_refs/0' })
    expect(await scoped((tx) => references.find(tx, { kind: 'client', source: 'erp', id: 'shared' }))).toEqual({
      objectId: first,
      sourceVersion: null,
      deletedVersion: null
    })
  })

  test('one of many that finds a name taken has taken none, and the others go on', async () => {
    const [first, second] = [newId(), newId()]
    const ref = (id: string) => ({ source: 'batch', id })
    const refusals = await scoped((tx) =>
      Promise.all([
        references.addUnlessTaken(tx, { kind: 'invoice', objectId: first, refs: [ref('1'), ref('2')] }),
        references.addUnlessTaken(tx, { kind: 'invoice', objectId: second, refs: [ref('3'), ref('2')] }),
        references.addUnlessTaken(tx, { kind: 'invoice', objectId: second, refs: [ref('4'), ref('4')] })
      ])
    )
    expect(refusals.map((refusal) => refusal?.code)).toEqual([undefined, 'duplicate_reference', 'invalid_request'])
    expect(refusals[1]).toMatchObject({ pointer: '/external_refs/1', existingId: first })
    expect(await scoped((tx) => references.of(tx, [first, second]))).toEqual(
      new Map([
        [first, [ref('1'), ref('2')]],
        [second, []]
      ])
    )
  })

  test('a claim waits for the one before it: it gets the object that was made, or the name if nothing was', async () => {
    const name = { kind: 'payment', source: 'bank', id: 'c-1' } as const
    const [loser, winner] = [newId(), newId()]
    const waits: Promise<unknown>[] = []
    const failing = scoped(async (tx) => {
      await references.claim(tx, { ...name, objectId: loser })
      waits.push(scoped((next) => references.claim(next, { ...name, objectId: winner })))
      throw new Error('refused after the claim')
    })
    await expect(failing).rejects.toThrow('refused after the claim')
    expect(await waits[0]).toEqual({ objectId: winner, created: true, sourceVersion: null, isAwaited: false })
    await scoped((tx) => references.setSourceVersion(tx, { ...name, sourceVersion: 4n }))
    const third = await scoped((tx) => references.claim(tx, { ...name, objectId: newId() }))
    expect(third).toEqual({ objectId: winner, created: false, sourceVersion: 4n, isAwaited: false })
  })

  test('replacing keeps what stays, with its version, and frees what goes', async () => {
    const objectId = newId()
    const [kept, gone] = [
      { source: 'erp', id: 'kept' },
      { source: 'erp', id: 'gone' }
    ]
    const found = await scoped(async (tx) => {
      await references.add(tx, { kind: 'invoice', objectId, refs: [kept, gone] })
      await references.setSourceVersion(tx, { kind: 'invoice', ...kept, sourceVersion: 2n })
      await references.replace(tx, { kind: 'invoice', objectId, refs: [kept, { source: 'new', id: '1' }] })
      return Promise.all([
        references.find(tx, { kind: 'invoice', ...kept }),
        references.find(tx, { kind: 'invoice', ...gone }),
        references.of(tx, [objectId])
      ])
    })
    expect(found).toEqual([
      { objectId, sourceVersion: 2n, deletedVersion: null },
      undefined,
      new Map([[objectId, [kept, { source: 'new', id: '1' }]]])
    ])
  })
})
