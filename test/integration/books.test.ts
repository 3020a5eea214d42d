import { afterAll, expect, test } from 'vitest'
import { type Answer, startApp } from '../support/app.ts'
import { done } from '../support/dunning.ts'

const service = await startApp({ clockAt: '2026-03-01T00:00:00Z' })
const { call, database, services, id: orgId, defaultPolicyId } = service
const { organizations } = services
afterAll(service.close)

/** As the next command finds them: through what was kept of the last one. */
const books = () => database.reading(orgId, (reader) => organizations.books(reader))
/** As they stand, whatever was kept. */
const asStored = () => database.scoped(orgId, (tx) => organizations.booksForUpdate(tx))

const expectCurrent = async () => expect(await books()).toEqual(await asStored())

test('books are current after every change that they are made of', async () => {
  await books()
  const stages = [{ code: 'a', offset_days: 1, tone: 'friendly' }]
  const changes: (() => Promise<Answer<unknown>>)[] = [
    () => call('PATCH', '/v1/organization', { body: { promise_grace_days: 5 } }),
    () => call('PATCH', '/v1/organization', { body: { calendar: { closed_days: ['2026-12-24'] } } }),
    () => call('POST', '/v1/test-clock/advance', { body: { days: 1 } }),
    () => call('POST', '/v1/dunning-policies', { body: { name: 'Other', stages } }),
    () => call('PUT', `/v1/dunning-policies/${defaultPolicyId}`, { body: { name: 'Edited', stages, in_flight: 'keep' } })
  ]
  for (const change of changes) {
    await done(change())
    await expectCurrent()
  }
})

test('a command sees its own change, and nobody sees one that was taken back', async () => {
  const before = await books()
  const failed = database.scoped(orgId, async (tx) => {
    for (const promiseGraceDays of [6, 7]) {
      await organizations.update(tx, { change: { promiseGraceDays } })
      expect((await organizations.books(tx)).organization.promiseGraceDays).toBe(promiseGraceDays)
    }
    throw new Error('taken back')
  })
  await expect(failed).rejects.toThrow('taken back')
  expect(await books()).toEqual(before)
  await database.scoped(orgId, (tx) => organizations.update(tx, { change: { promiseGraceDays: 9 } }))
  expect((await books()).organization.promiseGraceDays).toBe(9)
})

test('while one changes them others read what was, then what is', async () => {
  const set = (promiseGraceDays: number) =>
    database.scoped(orgId, async (tx) => {
      await organizations.update(tx, { change: { promiseGraceDays } })
      await organizations.books(tx)
    })
  const reads = async () => {
    for (let n = 0; n < 30; n++) expect((await books()).organization.promiseGraceDays).toBeLessThanOrEqual(20)
  }
  await Promise.all([reads(), reads(), ...Array.from({ length: 12 }, (_, n) => set(n + 9))])
  await expectCurrent()
})
