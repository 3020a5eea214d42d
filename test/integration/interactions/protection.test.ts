import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkBooks } from '../../../src/checks/books.ts'
import { newId } from '../../../src/ids.ts'
import {
  directions,
  interactionKinds,
  interactionOutcomes,
  messageOutcomes,
  nonPaymentReasons
} from '../../../src/modules/interactions/interaction.ts'
import { startApp } from '../../support/app.ts'
import { done } from '../../support/dunning.ts'

/** What the database itself holds, should the code ever forget. */
const service = await startApp()
const inside = new pg.Client({ connectionString: service.databaseUrl })
await inside.connect()
afterAll(async () => {
  await inside.end()
  await service.close()
})

const known = { client: '', interaction: '' }
beforeAll(async () => {
  const { call } = service
  known.client = (await done(call<{ id: string }>('POST', '/v1/clients', { body: { name: 'Acme' } }))).id
  const body = { client_id: known.client, kind: 'note' }
  known.interaction = (await done(call<{ id: string }>('POST', '/v1/interactions', { body }))).id
})

type Columns = Readonly<Record<string, string | number | null>>

/** Tries a row past the service; nothing of it is kept. @returns the constraint that refuses it, or null. */
async function refuserOf(change: Columns): Promise<string | null> {
  const row: Columns = {
    ...{ org_id: service.id, id: newId(), client_id: known.client, kind: 'call', direction: 'inbound' },
    ...{ occurred_at: '2026-01-05T09:00:00Z', created_at: '2026-01-05T09:00:00Z', metadata: '{}' },
    ...change
  }
  const [names, values] = [Object.keys(row), Object.values(row)]
  const places = names.map((_, index) => `$${index + 1}`)
  await inside.query('begin')
  try {
    await inside.query(`insert into interactions (${names.map((name) => `"${name}"`).join()}) values (${places.join()})`, values)
    return null
  } catch (error) {
    return (error as { constraint?: string }).constraint ?? String(error)
  } finally {
    await inside.query('rollback')
  }
}

describe('a row', () => {
  test('of every word that the service takes is taken', async () => {
    const rows: Columns[] = [
      ...interactionKinds.map((kind) => ({ kind, direction: kind === 'note' ? null : 'inbound' })),
      ...directions.map((direction) => ({ direction })),
      ...interactionOutcomes.map((outcome) => ({ outcome })),
      ...nonPaymentReasons.map((reason) => ({ non_payment_reason: reason })),
      ...[0, 1_440].map((minutes) => ({ minutes }))
    ]
    for (const row of rows) expect([row, await refuserOf(row)]).toEqual([row, null])
  })

  test.for<readonly [Columns, string]>([
    [{ kind: 'fax' }, 'interactions_kind'],
    [{ direction: 'sideways' }, 'interactions_direction'],
    [{ direction: null }, 'interactions_note_undirected'],
    [{ kind: 'note' }, 'interactions_note_undirected'],
    [{ minutes: -1 }, 'interactions_minutes'],
    [{ minutes: 1_441 }, 'interactions_minutes'],
    [{ outcome: 'paid' }, 'interactions_outcome'],
    [{ non_payment_reason: 'bored' }, 'interactions_non_payment_reason'],
    [{ dunning_entry_id: newId() }, 'interactions_of_entry_outcome'],
    [{ dunning_entry_id: newId(), outcome: 'reached' }, 'interactions_of_entry_outcome'],
    [{ dunning_entry_id: newId(), outcome: 'sent' }, 'interactions_dunning_entry'],
    [{ client_id: newId() }, 'interactions_client'],
    [{ org_id: newId() }, 'interactions_client']
  ])('with %o is refused by %s', async ([change, constraint]) => {
    expect(await refuserOf(change)).toBe(constraint)
  })

  test('that tells the outcome of an entry may be of every outcome of a message', async () => {
    for (const outcome of messageOutcomes)
      expect(await refuserOf({ dunning_entry_id: newId(), outcome })).toBe('interactions_dunning_entry')
  })
})

test.for([
  'update interactions set summary = null',
  'delete from interactions',
  'update interaction_invoices set position = 0',
  'delete from interaction_invoices'
])('the service has no right to: %s', async (statement) => {
  await inside.query('begin')
  await inside.query('set local role dunwell_app')
  await expect(inside.query(statement)).rejects.toThrow(/permission denied/)
  await inside.query('rollback')
})

test('within an organization no row of another one is seen', async () => {
  const stranger = await service.addOrganization()
  for (const [orgId, count] of [
    [service.id, '1'],
    [stranger.id, '0']
  ] as const) {
    await inside.query('begin')
    await inside.query(`select set_config('role', 'dunwell_app', true), set_config('dunwell.org_id', $1, true)`, [orgId])
    const { rows } = await inside.query<{ count: string }>('select count(*) from interactions')
    await inside.query('rollback')
    expect(rows).toEqual([{ count }])
  }
})

test('an interaction about an invoice of somebody else is found when the books are checked', async () => {
  const brokenNow = async () => (await service.database.reading(service.id, checkBooks)).flatMap(({ broken }) => broken)
  expect(await brokenNow()).toEqual([])
  const { call } = service
  const { id: client_id } = await done(call<{ id: string }>('POST', '/v1/clients', { body: { name: 'Other' } }))
  const body = { client_id, number: 'R-1', currency: 'EUR', total: '1.00', issued_on: '2026-01-01', due_on: '2026-02-01' }
  const invoice = await done(call<{ id: string }>('POST', '/v1/invoices', { body }))
  await inside.query('insert into interaction_invoices values ($1, $2, $3, 1)', [service.id, known.interaction, invoice.id])
  expect(await brokenNow()).toEqual([known.interaction])
})
