import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase } from '../../../src/db/client.ts'
import { statement } from '../../../src/db/statement.ts'
import { refusalOf, startApp } from '../../support/app.ts'

const service = await startApp({ connections: 4 })
const owner = new pg.Client({ connectionString: service.databaseUrl })
beforeAll(async () => {
  await owner.connect()
  await owner.query(`create table fault (code text);
    create sequence writes;
    create function fail() returns trigger language plpgsql security definer set search_path from current as $$
    declare found text;
    begin
      perform nextval('writes');
      select code into found from fault;
      if found is not null then raise exception using errcode = found, message = 'a test'; end if;
      return new;
    end $$;
    create trigger fail before insert on clients for each row execute function fail();
    create trigger fail before insert on idempotency_keys for each row execute function fail()`)
})
afterAll(async () => {
  await owner.end()
  await service.close()
})

const client = { name: 'Acme', time_zone: 'UTC' }
const create = () => service.call('POST', '/v1/clients', { body: client })
const read = () => service.call('GET', '/v1/clients')
const probe = (url: string) => service.app.inject({ method: 'GET', url })
/** After what the last probe found has stopped to count. */
const ready = async () => {
  await pause(300)
  return probe('/readyz')
}
const pids = async () => {
  const { rows } = await owner.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and application_name = 'dunwell' order by pid`
  )
  return rows.map(({ pid }) => pid)
}

/** What the server says, and whether the connection that heard it is used again. */
test.for([
  ['25006', 'gone'],
  ['40001', 'kept'],
  ['53100', 'gone'],
  ['53200', 'gone'],
  ['57014', 'gone'],
  ['57P01', 'gone'],
  ['58030', 'gone']
] as const)('%s is 503 with Retry-After, its connection is %s, and the next request is answered', async ([code, fate]) => {
  // As many connections as are used at a time, and all of them idle: the write takes one of them.
  await Promise.all([read(), read(), read()])
  await ready()
  await owner.query('insert into fault values ($1)', [code])
  const before = await pids()
  const answer = await create()
  expect(refusalOf(answer)).toBe('503 unavailable')
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  await expect.poll(async () => (await pids()).filter((pid) => before.includes(pid)).length < before.length).toBe(fate === 'gone')
  expect((await probe('/livez')).statusCode).toBe(200)
  const probed = await ready()
  expect(probed.statusCode).toBe(503)
  expect(Number(probed.headers['retry-after'])).toBeGreaterThan(0)
  expect(probed.headers['content-type']).toMatch('application/problem+json')
  await owner.query('truncate fault')
  expect((await create()).status).toBe(201)
  expect((await ready()).statusCode).toBe(200)
})

test('a statement that takes too long leaves neither its connection nor a transaction behind', async () => {
  const database = createDatabase({ url: service.databaseUrl, connections: 1, statementTimeoutMs: 50 })
  const sleep = statement('test.sleep_too_long', 'select pg_sleep(5)')
  const pid = statement<{ pid: number }>('test.pid', 'select pg_backend_pid() as pid')
  const own = async () => (await database.scoped(service.id, (tx) => tx.run(pid, [])))[0]?.pid
  const first = await own()
  await expect(database.scoped(service.id, (tx) => tx.run(sleep, []))).rejects.toMatchObject({ code: '57014' })
  const second = await own()
  expect(second).not.toBe(first)
  await expect(database.reading(service.id, (reader) => reader.run(sleep, []))).rejects.toMatchObject({ code: '57014' })
  expect(await own()).not.toBe(second)
  await database.close()
})

test('after a failover writes go on by new connections, though the former primary still answers the old ones', async () => {
  const { rows } = await owner.query<{ name: string }>('select current_database() as name')
  const name = rows[0]?.name ?? ''
  // What connects from now on finds a server that only reads, and goes on finding it so.
  await owner.query(`alter database ${name} set default_transaction_read_only = on`)
  await owner.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'dunwell'`
  )
  await expect.poll(async () => (await read()).status).toBe(200)
  await Promise.all([read(), read(), read()])
  expect(refusalOf(await create())).toBe('503 unavailable')
  await Promise.all([read(), read(), read()])
  expect((await ready()).statusCode).toBe(503)
  await Promise.all([read(), read(), read()])
  await owner.query(`alter database ${name} reset default_transaction_read_only`)
  // The first that hears of it is the last.
  expect((await create()).status).toBe(503)
  for (let n = 0; n < 10; n++) expect((await create()).status).toBe(201)
  expect((await ready()).statusCode).toBe(200)
})

test('probes that come together or in quick succession cost one write, which leaves nothing', async () => {
  // A sequence keeps what is rolled back.
  const writes = async () => Number((await owner.query<{ n: string }>(`select nextval('writes') as n`)).rows[0]?.n)
  await pause(300)
  const before = await writes()
  const answers = await Promise.all(Array.from({ length: 20 }, () => probe('/readyz')))
  answers.push(await probe('/readyz'))
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200))
  expect((await writes()) - before - 1).toBe(1)
  expect((await owner.query(`select from idempotency_keys where length(body) > 7000`)).rowCount).toBe(0)
})
