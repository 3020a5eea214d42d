import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type Database } from '../../../src/db/client.ts'
import { setOf, setStatement } from '../../../src/db/sets.ts'
import { day } from '../../../src/kernel/day.ts'
import { type FreshDatabase, freshDatabase } from '../../support/database.ts'

const readBack = setStatement<{ row: object }>(
  'test.read_back',
  `select row_to_json(t) as row from unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::boolean[], $6::date[], $7::timestamptz[])
     as t(id, name, count, minor, is_open, due_on, at) where t.id = any(array[$8::uuid, $9::uuid]) order by t.id`
)

const rows = [
  {
    id: '018f0000-0000-7000-8000-000000000001',
    name: `O'Brien "& Co" \\ {a,b}`,
    count: -7,
    minor: 9007199254740993n,
    isOpen: true,
    dueOn: day('2026-02-28'),
    at: new Date('2026-03-01T09:00:00.123Z')
  },
  {
    id: '018f0000-0000-7000-8000-000000000002',
    name: null,
    count: null,
    minor: null,
    isOpen: null,
    dueOn: null,
    at: null
  }
]

let fresh: FreshDatabase
let database: Database

beforeAll(async () => {
  fresh = await freshDatabase()
  database = createDatabase({ url: fresh.url })
})
afterAll(async () => {
  await database.close()
  await fresh.dispose()
})

function send(some: typeof rows): Promise<object[]> {
  const { statement, of } = setOf(readBack, some)
  const parameters = [
    of('uuid', (row) => row.id),
    of('text', (row) => row.name),
    of('int4', (row) => row.count),
    of('int8', (row) => row.minor),
    of('bool', (row) => row.isOpen),
    of('date', (row) => row.dueOn),
    of('timestamptz', (row) => row.at)
  ]
  const ids = rows.map(({ id }) => id)
  return database.scheduling(async (reader) => (await reader.run(statement, [...parameters, ...ids])).map(({ row }) => row))
}

test('a row arrives alone as it does among others', async () => {
  const together = await send(rows)
  const alone = [...(await send(rows.slice(0, 1))), ...(await send(rows.slice(1)))]
  expect(alone).toEqual(together)
  expect(together[0]).toMatchObject({ name: rows[0]?.name, count: -7, is_open: true, due_on: '2026-02-28' })
  expect(together[1]).toMatchObject({ name: null, count: null, minor: null, is_open: null, due_on: null, at: null })
})

test('no rows at all are a set too', async () => {
  expect(await send([])).toEqual([])
})

test('a statement that takes no rows is no set', () => {
  expect(() => setStatement('test.no_rows', 'select 1')).toThrow('takes no rows')
})
