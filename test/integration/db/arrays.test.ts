import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { column } from '../../../src/db/arrays.ts'
import { dayFromEpochDay } from '../../../src/kernel/day.ts'
import { freshDatabase } from '../../support/database.ts'

const database = await freshDatabase()
const client = new pg.Client({ connectionString: database.url })

beforeAll(() => client.connect())
afterAll(async () => {
  await client.end()
  await database.dispose()
})

/** What PostgreSQL makes of the column, written as text. */
async function asText(type: string, array: Buffer): Promise<(string | null)[]> {
  const { rows } = await client.query<{ element: string | null }>(
    `select element::text from unnest($1::${type}[]) with ordinality as t(element, place) order by place`,
    [array]
  )
  return rows.map(({ element }) => element)
}

const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(fc.option(arbitrary), { maxLength: 20 })
const numRuns = 40

test('text of any script, quotes, backslashes and line ends arrives as it is', async () => {
  const text = fc.string({ unit: 'binary', maxLength: 50 }).filter((value) => !value.includes('\0') && value.isWellFormed())
  await fc.assert(
    fc.asyncProperty(orNull(text), async (values) => {
      expect(await asText('text', column('text', values))).toEqual(values)
    }),
    { numRuns }
  )
})

test('ids and whole numbers arrive as they are, to the last bit', async () => {
  await fc.assert(
    fc.asyncProperty(
      orNull(fc.uuid()),
      orNull(fc.integer()),
      orNull(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      async (ids, ints, longs) => {
        expect(await asText('uuid', column('uuid', ids))).toEqual(ids)
        expect(await asText('int', column('int4', ints))).toEqual(ints.map((value) => value?.toString() ?? null))
        expect(await asText('bigint', column('int8', longs))).toEqual(longs.map((value) => value?.toString() ?? null))
      }
    ),
    { numRuns }
  )
})

test('days and instants before and after 2000 arrive as they are, to the millisecond', async () => {
  const days = orNull(fc.integer({ min: -719_162, max: 2_932_896 }).map(dayFromEpochDay))
  const instants = orNull(fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }))
  await client.query(`set timezone = 'UTC'`)
  await fc.assert(
    fc.asyncProperty(days, instants, async (someDays, someInstants) => {
      expect(await asText('date', column('date', someDays))).toEqual(someDays)
      const { rows } = await client.query<{ ms: string | null }>(
        `select round(extract(epoch from element) * 1000)::bigint::text as ms
         from unnest($1::timestamptz[]) with ordinality as t(element, place) order by place`,
        [column('timestamptz', someInstants)]
      )
      expect(rows.map(({ ms }) => ms)).toEqual(someInstants.map((value) => value?.getTime().toString() ?? null))
    }),
    { numRuns }
  )
})

test('true, false, nothing and an empty column are told apart', async () => {
  expect(await asText('bool', column('bool', [true, null, false]))).toEqual(['true', null, 'false'])
  expect(await asText('bool', column('bool', []))).toEqual([])
})
