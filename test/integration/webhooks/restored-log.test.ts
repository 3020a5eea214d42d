import pg from 'pg'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Tenant } from '../../support/app.ts'

/** The log of events of a database that was restored from an older backup. Whoever read it before the restore knows of events that are gone. */
const service = await startApp()
const superuser = new pg.Client({ connectionString: service.databaseUrl })
await superuser.connect()
afterAll(async () => {
  await superuser.end()
  await service.close()
})

let tenant: Tenant
beforeEach(async () => {
  tenant = await service.addOrganization()
  await happen(6)
})

type Listed = Readonly<{ id: string; seq: string }>
type Page = Readonly<{ data: readonly Listed[]; next_cursor: string | null; code?: string; detail?: string }>

async function happen(count: number): Promise<void> {
  for (let each = 0; each < count; each += 1) await tenant.call('POST', '/v1/clients', { body: { name: 'Acme Ltd' } })
  await service.database.scoped(tenant.id, (tx) => service.services.events.seal(tx))
}

const read = (query: Readonly<Record<string, string>>) =>
  tenant.call<Page>('GET', `/v1/events?${new URLSearchParams(query).toString()}`)
const allOf = async () => (await read({ limit: '200' })).body.data

/** Takes away what came after this number, as a backup of that moment has nothing of it. */
async function restore(seq: number): Promise<void> {
  const later = 'select id from events where org_id = $1 and seq > $2'
  await superuser.query('set session_replication_role = replica')
  await superuser.query(`delete from event_bodies where org_id = $1 and event_id in (${later})`, [tenant.id, seq])
  await superuser.query('delete from events where org_id = $1 and seq > $2', [tenant.id, seq])
  await superuser.query(
    `update event_chains c set last_seq = e.seq, last_hash = e.chain_hash from events e
     where c.org_id = $1 and e.org_id = c.org_id and e.seq = $2`,
    [tenant.id, seq]
  )
  await superuser.query('set session_replication_role = default')
}

const GONE = {
  status: 410,
  body: { code: 'position_lost', detail: expect.stringMatching(/restored.*Start again without/) as string }
}

test('a cursor of an event that the restore took away is 410, also when the log has grown past it', async () => {
  const { body } = await read({ limit: '5' })
  const cursor = body.next_cursor ?? expect.unreachable()
  expect((await read({ limit: '5', cursor })).status).toBe(200)
  await restore(3)
  expect(await read({ cursor })).toMatchObject(GONE)
  await happen(10)
  expect(await read({ cursor })).toMatchObject(GONE)
})

test('a cursor of an event that the backup had goes on with what happened since', async () => {
  const { body } = await read({ limit: '2' })
  await restore(3)
  await happen(4)
  const { status, body: rest } = await read({ cursor: body.next_cursor ?? '', limit: '2' })
  expect([status, rest.data.map(({ seq }) => seq)]).toEqual([200, ['3', '4']])
  expect((await allOf()).map(({ seq }) => seq)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
})

test('the id of the last event that one has is 410 where it is gone, and goes on after it where it is not', async () => {
  const before = await allOf()
  const [first, last] = [before.at(1) ?? expect.unreachable(), before.at(-1) ?? expect.unreachable()]
  expect(await read({ after_id: last.id })).toMatchObject({ status: 200, body: { data: [], next_cursor: null } })
  await restore(3)
  await happen(10)
  expect(await read({ after_id: last.id })).toMatchObject(GONE)
  const { body } = await read({ after_id: first.id, limit: '1' })
  expect(body.data.map(({ seq }) => seq)).toEqual(['3'])
  expect(
    (await read({ after_id: first.id, limit: '1', cursor: body.next_cursor ?? '' })).body.data.map(({ seq }) => seq)
  ).toEqual(['4'])
})

test('a number beyond the end of the log is 410, and the number of its end is not', async () => {
  const end = (await allOf()).length
  expect(await read({ after_seq: String(end) })).toMatchObject({ status: 200, body: { data: [] } })
  expect(await read({ after_seq: String(end + 1) })).toMatchObject(GONE)
  await restore(3)
  expect(await read({ after_seq: String(end) })).toMatchObject(GONE)
})

test('an event without a number yet is the end of the log', async () => {
  await tenant.call('POST', '/v1/clients', { body: { name: 'Acme Ltd' } })
  const { rows } = await superuser.query<Listed>('select id from events where org_id = $1 and seq is null', [tenant.id])
  const [{ id } = expect.unreachable()] = rows
  expect(await read({ after_id: id })).toMatchObject({ status: 200, body: { data: [], next_cursor: null } })
})

test('a number and an id together are refused, and so is the event of another organization', async () => {
  const [{ id } = expect.unreachable()] = await allOf()
  expect(await read({ after_id: id, after_seq: '1' })).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  tenant = await service.addOrganization()
  expect(await read({ after_id: id })).toMatchObject(GONE)
})
