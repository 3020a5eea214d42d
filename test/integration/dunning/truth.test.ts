import { afterAll, expect, test } from 'vitest'
import { startDunning } from '../../support/dunning.ts'

const app = await startDunning()
afterAll(app.close)

const stages = [
  { code: 'first', offset_days: 3 },
  { code: 'second', offset_days: 10 }
]

test('what a test clock passed over is sent as thirty real days would have sent it, unless its receiver was away', async () => {
  const ledger = await app.newLedger()
  await ledger.usePolicy(stages)
  await ledger.issue(await ledger.addClient(), { issued_on: '2026-01-01', due_on: '2026-01-02' })
  await ledger.advance(31)
  await app.database.scoped(ledger.id, (tx) => app.services.events.seal(tx))
  const types = ['invoice.dunning_stage_entered', 'client.dunning_notice_due']
  const filter = { afterSeq: 0n, limit: 100, types, objectId: null, clientId: null, from: null, to: null }
  const told = await app.database.reading(ledger.id, (reader) => app.services.events.page(reader, filter))
  const reasonsOf = (hasFailed: boolean) =>
    app.database.reading(ledger.id, (reader) =>
      app.services.dunning.outdated(
        reader,
        told.map(({ id, type, body }) => ({ id, type, body: body ?? '', hasFailed }))
      )
    )
  expect(told).toHaveLength(4)
  expect(await reasonsOf(false)).toEqual(new Map())
  const outdated = await reasonsOf(true)
  const lines = told.map(({ id, type }) => `${type}: ${outdated.get(id) ?? 'true'}`)
  expect(lines.toSorted()).toEqual([
    'client.dunning_notice_due: the client was told anew since.',
    'client.dunning_notice_due: true',
    'invoice.dunning_stage_entered: a later stage was entered since, or it is due on another day.',
    'invoice.dunning_stage_entered: true'
  ])
})
