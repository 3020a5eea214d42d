import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { startApp } from '../support/app.ts'
import { eventsAbout } from '../support/events.ts'

const app = await startApp()
afterAll(app.close)
const { call } = app

type Body = { id: string; version: number; contacts: { id: string; [field: string]: unknown }[]; [field: string]: unknown }

const put = async (id: string, body: object) => (await call<Body>('PUT', `/v1/clients/by-ref?source=crm&id=${id}`, { body })).body
const patch = async (id: string, body: object) => (await call<Body>('PATCH', `/v1/clients/${id}`, { body })).body

test('what somebody set by hand survives every sync that does not state it: an opt-out, a role, a phone, an exemption, tags', async () => {
  const body = { name: 'Acme', contacts: [{ name: 'Ada', email: 'ada@example.com' }] }
  const { id } = await put('1', body)
  const byHand = { role: 'legal', phone: '+44 1', salutation: 'Ms', locale: 'de', do_not_contact: true }
  const settings = { dunning_exempt_until_on: '2026-03-01', tags: ['vip'], metadata: { a: 'b' }, locale: 'de' }
  const patched = await patch(id, { ...settings, contacts: [{ name: 'Ada', email: 'ADA@example.com', ...byHand }] })
  const told = (await eventsAbout(app, id)).length
  for (const again of [body, body]) {
    const { applied: _, ...after } = await put('1', again)
    expect(after).toEqual({ ...patched, version: after.version, updated_at: after['updated_at'], contacts: after.contacts })
    expect(after.contacts).toMatchObject([{ ...byHand, email: 'ada@example.com' }])
  }
  expect((await eventsAbout(app, id)).length, 'the address in lower case, once').toBe(told + 1)
})

test('a contact that opted out stays when the source lists it no more, and is opted out when it comes back', async () => {
  const ada = { name: 'Ada', email: 'ada@example.com' }
  const { id } = await put('2', { name: 'Acme', contacts: [{ ...ada, do_not_contact: true }, { name: 'Bob' }] })
  const gone = await put('2', { contacts: [] })
  expect(gone.contacts).toMatchObject([{ ...ada, do_not_contact: true }])
  const back = await put('2', { contacts: [{ name: 'Billing', email: 'Ada@example.com' }] })
  expect(back.contacts).toMatchObject([{ id: gone.contacts[0]?.id, name: 'Billing', do_not_contact: true }])
  await patch(id, { contacts: [{ id: back.contacts[0]?.id, name: 'Billing', do_not_contact: false }] })
  expect((await put('2', { contacts: [] })).contacts).toEqual([])
})

test('a contact is known by its reference through a new name and a new address, and two may swap theirs', async () => {
  const contacts = [
    { ref: 'p-1', name: 'Ada', email: 'ada@example.com' },
    { ref: 'p-2', name: 'Bob' }
  ]
  const made = await put('3', { name: 'Acme', contacts })
  const renamed = await put('3', {
    contacts: [
      { ref: 'p-2', name: 'Rob' },
      { ref: 'p-1', name: 'Ada Lee', email: 'lee@example.com' }
    ]
  })
  expect(renamed.contacts.map((one) => one.id)).toEqual(made.contacts.map((one) => one.id).reverse())
  const [rob, ada] = renamed.contacts
  const swapped = await patch(made.id, {
    contacts: [
      { id: rob?.id, ref: 'p-1', name: 'Rob' },
      { id: ada?.id, ref: 'p-2', name: 'Ada' }
    ]
  })
  expect(swapped.contacts.map(({ id, ref }) => [id, ref])).toEqual([
    [rob?.id, 'p-1'],
    [ada?.id, 'p-2']
  ])
  const twice = {
    contacts: [
      { ref: 'p-1', name: 'A' },
      { ref: 'p-1', name: 'B' }
    ]
  }
  expect(await call('PATCH', `/v1/clients/${made.id}`, { body: twice })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/contacts/1/ref' }] }
  })
})

test('what a source states of all its contacts, by version, ends in the same contacts in whatever order it comes', async () => {
  let clients = 0
  const contact = (ref: string) =>
    fc.record({
      ...{
        ref: fc.constant(ref),
        name: fc.constantFrom('Ada', 'Bob'),
        email: fc.constantFrom(`${ref}@a.example`, `${ref}@b.example`)
      },
      ...{ role: fc.constantFrom('billing', 'legal'), phone: fc.constantFrom('+44 1', '+44 2'), do_not_contact: fc.boolean() }
    })
  const statements = fc.array(fc.tuple(contact('p-1'), contact('p-2')), { minLength: 2, maxLength: 5 })
  const orders = statements.chain((all) => {
    const versions = all.map((contacts, at) => ({ contacts, source_version: at + 1 }))
    return fc.tuple(fc.constant(versions), fc.shuffledSubarray(versions, { minLength: versions.length }))
  })
  const property = fc.asyncProperty(orders, async (both) => {
    const ends = []
    for (const order of both) {
      const id = `order-${++clients}`
      for (const said of order) await put(id, { name: 'Acme', ...said })
      const { contacts } = (await call<Body>('GET', `/v1/clients/by-ref?source=crm&id=${id}`)).body
      ends.push(contacts.map(({ id: _, ...rest }) => rest))
    }
    expect(ends[1]).toEqual(ends[0])
    expect(ends[0]).toMatchObject(both[0].at(-1)?.contacts ?? [])
  })
  await fc.assert(property, { numRuns: 30, interruptAfterTimeLimit: 10_000 })
}, 30_000)
