import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Answer, flush, send } from '../../../src/db/packet.ts'
import { type Statement, statement } from '../../../src/db/statement.ts'
import { freshDatabase } from '../../support/database.ts'

const database = await freshDatabase()
const client = new pg.Client({ connectionString: database.url, pipeline: true })
const seen = { described: 0, answered: 0 }

beforeAll(async () => {
  await client.connect()
  const connection = client.connection
  connection.on('rowDescription', () => seen.described++)
  connection.on('readyForQuery', () => seen.answered++)
  await client.query('create table things (id int primary key, note text)')
})
beforeEach(() => void Object.assign(seen, { described: 0, answered: 0 }))
afterAll(async () => {
  await client.end()
  await database.dispose()
})

const everyType = statement<Record<string, unknown>>(
  'test.every_type',
  `select $1::int as whole, 1.5::float8 as real, true as yes, null::text as nothing, '{"a":[1]}'::jsonb as json, '{x,y}'::text[] as list,
     '2026-03-01T09:00:00.123Z'::timestamptz as at, 'ключ "' || $2::text as text from generate_series(1, 2)`
)
const one = statement<{ one: number }>('test.one', 'select 1 as one')
const some = statement<{ a: string; b: number }>('test.some', `select 'x' as a, $1::int as b from generate_series(1, $1::int)`)
const insert = statement<{ id: number }>('test.insert', 'insert into things (id, note) values ($1, $2)')
const insertReturning = statement<{ id: number }>('test.insert_returning', 'insert into things (id) values ($1) returning id')
const wrong = statement('test.wrong', 'select nonsense from nowhere')

async function rowsOf<Row extends object>(from: Statement<Row>, values: readonly unknown[]): Promise<Row[]> {
  return (await send(client, from, values)).rows
}

test('rows are those that pg itself gives, the second time without asking for the columns', async () => {
  const { rows } = await client.query(everyType.text, [1, 'a'])
  seen.described = 0
  expect(await rowsOf(everyType, [1, 'a'])).toEqual(rows)
  expect(await rowsOf(everyType, [1, 'a'])).toEqual(rows)
  expect(await rowsOf(everyType, [2, 'b'])).toEqual(rows.map((row: object) => ({ ...row, whole: 2, text: 'ключ "b' })))
  expect(seen.described).toBe(1)
})

test('what is sent together is answered at once, each with its own rows and tag', async () => {
  const ask = () => Promise.all([send(client, one, []), send(client, some, [2]), send(client, one, []), send(client, some, [0])])
  const expected = [[{ one: 1 }], [1, 2].map(() => ({ a: 'x', b: 2 })), [{ one: 1 }], []]
  const tags = ['SELECT 1', 'SELECT 2', 'SELECT 1', 'SELECT 0']
  for (const answers of [await ask(), await ask()]) {
    expect(answers.map(({ rows }) => rows as object[])).toEqual(expected)
    expect(answers.map(({ command }) => command)).toEqual(tags)
  }
  expect(seen.answered).toBe(2)
})

test('what waits in its turn joins the packet, and what comes after a turn of the loop does not', async () => {
  const later = Promise.resolve().then(() => rowsOf(one, []))
  await Promise.all([rowsOf(one, []), later])
  expect(seen.answered).toBe(1)
  await rowsOf(one, [])
  expect(seen.answered).toBe(2)
})

test('what pg sends by itself keeps its place', async () => {
  const inserted = send(client, insert, [1, 'first'])
  flush(client)
  const read = client.query('select note from things where id = 1')
  const updated = send(client, statement('test.update', `update things set note = 'later' where id = 1`), [])
  expect((await read).rows).toEqual([{ note: 'first' }])
  expect([(await inserted).command, (await updated).command]).toEqual(['INSERT 0 1', 'UPDATE 1'])
})

test('a statement that fails takes those after it along, and none before it', async () => {
  await rowsOf(insertReturning, [7])
  const sent = [rowsOf(one, []), rowsOf(insertReturning, [7]), rowsOf(insertReturning, [8]), rowsOf(one, [])]
  const [before, failed, ...after] = await Promise.allSettled(sent)
  expect(before).toEqual({ status: 'fulfilled', value: [{ one: 1 }] })
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: '23505', constraint: 'things_pkey' } })
  expect(after).toEqual([failed, failed])
  expect(await rowsOf(insertReturning, [8])).toEqual([{ id: 8 }])
})

test('what was to be prepared behind a failure is prepared by the next packet', async () => {
  const fresh = statement<{ fresh: number }>('test.fresh', 'select 2 as fresh')
  for (let times = 0; times < 2; times++) {
    const [failed, passedOver] = await Promise.allSettled([rowsOf(wrong, []), rowsOf(fresh, [])])
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: '42P01' } })
    expect(passedOver).toEqual(failed)
  }
  expect(await rowsOf(fresh, [])).toEqual([{ fresh: 2 }])
})

test('a value that cannot be sent refuses its own statement only', async () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const [refused, kept] = await Promise.allSettled([rowsOf(some, [circular]), rowsOf(one, [])])
  expect([refused.status, kept]).toEqual(['rejected', { status: 'fulfilled', value: [{ one: 1 }] }])
})

test('a column that cannot be read refuses its own statement only', async () => {
  const strict = new pg.Client({
    connectionString: database.url,
    pipeline: true,
    types: { getTypeParser: () => (text: string) => BigInt(text) as never }
  })
  await strict.connect()
  const ask = <Row extends object>(from: Statement<Row>): Promise<Answer<Row>> => send(strict, from, [])
  const text = statement<{ text: string }>('test.text', `select 'no number' as text`)
  const [refused, kept] = await Promise.allSettled([ask(text), ask(one)])
  await strict.end()
  expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(SyntaxError) })
  expect(kept).toMatchObject({ status: 'fulfilled', value: { rows: [{ one: 1n }] } })
})

test('a connection that breaks fails what is on its way and what comes after', async () => {
  const doomed = new pg.Client({ connectionString: database.url, pipeline: true })
  doomed.on('error', () => {})
  await doomed.connect()
  const [{ rows }] = [await doomed.query<{ pid: number }>('select pg_backend_pid() as pid')]
  const sleep = statement('test.sleep', 'select pg_sleep(60)')
  const sent = [send(doomed, sleep, []), send(doomed, one, [])]
  const settled = Promise.allSettled(sent)
  await client.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(send(doomed, one, [])).rejects.toThrow()
})
