import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createOrganization } from '../../src/commands/organization.ts'
import type { Process } from '../../src/main.ts'
import { headersFor } from '../../src/modules/webhooks/signature.ts'
import { freshDatabase } from '../support/database.ts'
import { begin, complete, type Running } from '../support/processes.ts'
import { startProcess } from '../support/webhooks.ts'

// It starts processes, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

let folder = ''
let parts: Process
let databaseUrl = ''
let dispose: () => Promise<void>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dunwell-consumer-'))
  const fresh = await freshDatabase()
  dispose = fresh.dispose
  databaseUrl = fresh.url
  parts = await startProcess(fresh.url, { roles: 'all' })
})
afterAll(async () => {
  await parts.stop()
  await dispose()
  await rm(folder, { recursive: true, force: true })
})

const example = `exec ${process.execPath} examples/consumer/consumer.ts`

type Shop = Readonly<{
  id: string
  post: (path: string, body: object) => Promise<{ id: string }>
  live: (days: number) => Promise<void>
  start: () => Running
  memory: string
}>

/** An organization with a clock of its own, and the command that starts its consumer. */
async function openShop(name: string): Promise<Shop> {
  const { id, key } = await createOrganization(parts, { name, mode: 'test', timeZone: 'Europe/London', currency: 'GBP' })
  const memory = join(folder, `${name}.ndjson`)
  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const answer = await fetch(`${parts.url}/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }
  return {
    id,
    memory,
    post: (path, body) => call('POST', path, body),
    async live(days) {
      await call('POST', '/test-clock/advance', { days })
      await vi.waitUntil(async () => (await call<{ status: string }>('GET', '/test-clock')).status === 'still', {
        timeout: 60_000,
        interval: 50
      })
    },
    start: () => begin(`${example} ${key} --service ${parts.url} --port 0 --memory ${memory}`, {})
  }
}

async function ownsAnInvoice({ post }: Shop, number: string): Promise<void> {
  const contacts = [
    { name: 'Ada Smith', email: 'ada@acme.example' },
    { name: 'Bo Silent', email: 'bo@acme.example', do_not_contact: true }
  ]
  const client = await post('/clients', { name: 'Acme Ltd', locale: 'en-GB', payment_terms: { kind: 'net', days: 10 }, contacts })
  await post('/invoices', { client_id: client.id, number, currency: 'GBP', total: '1250.00' })
}

/** Takes away what came after the first event of this type, as a backup of that moment has nothing of it. */
async function restoreLog(orgId: string, type: string): Promise<void> {
  const superuser = new pg.Client({ connectionString: databaseUrl })
  await superuser.connect()
  const later = `select e.id from events e where e.org_id = '${orgId}'
    and e.seq > (select min(seq) from events where org_id = e.org_id and type = '${type}')`
  await superuser.query('set session_replication_role = replica')
  await superuser.query(`delete from event_bodies where event_id in (${later})`)
  await superuser.query(`delete from events where id in (${later})`)
  await superuser.query(`update event_chains c set last_seq = e.seq, last_hash = e.chain_hash from events e
    where c.org_id = '${orgId}' and e.org_id = c.org_id and e.seq = (select max(seq) from events where org_id = c.org_id)`)
  await superuser.end()
}

const reminder = (stage: string) =>
  new RegExp(`remind +${stage}, \\w+ +£1,250.00 +A-1 +Acme Ltd \\(en-GB\\): Ada Smith <ada@acme.example>\\n`)
const count = (text: string, pattern: RegExp) => [...text.matchAll(new RegExp(pattern, 'g'))].length

/** Sends what the consumer has had before, as it stands in its memory, changed and signed anew. */
async function sendAgain({ memory }: Shop, url: string, change: { id?: string; secret?: string; version?: number } = {}) {
  const lines = (await readFile(memory, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const secret: string = change.secret ?? lines.findLast((line) => line.subscribed).subscribed.secret
  const { id, event } = lines.find((line) => line.taken?.event.data.context.stage?.code === 'courtesy').taken
  event.data.object.version = change.version ?? event.data.object.version
  const body = JSON.stringify(event)
  const headers = headersFor({ id: change.id ?? id, timestampS: Math.floor(Date.now() / 1000), body, secrets: [secret] })
  return (await fetch(url, { method: 'POST', headers, body })).status
}

test('it says whom it would remind, once for each event, and not of what is not so any more', async () => {
  const shop = await openShop('once')
  const consumer = shop.start()
  const [, url = ''] = await consumer.waitFor(/Takes webhooks at (\S+),/)
  await ownsAnInvoice(shop, 'A-1')
  await shop.live(24)
  for (const stage of ['courtesy', 'reminder', 'second']) await consumer.waitFor(reminder(stage))

  expect(await sendAgain(shop, url)).toBe(204)
  expect(await sendAgain(shop, url, { secret: `whsec_${Buffer.alloc(32).toString('base64')}`, id: 'forged' })).toBe(401)
  expect(await sendAgain(shop, url, { id: 'overtaken', version: 1 })).toBe(204)
  await consumer.waitFor(/nothing +courtesy +A-1 +it came late/)

  expect(await consumer.stop()).toBe(0)
  expect(count(consumer.output(), /remind +courtesy/)).toBe(1)
  expect(consumer.output()).not.toContain('bo@')
})

test('after it was away it tells of what it missed, of that only what is still so, and of nothing twice', async () => {
  const shop = await openShop('away')
  const first = shop.start()
  await first.waitFor(/Takes webhooks at/)
  await ownsAnInvoice(shop, 'A-1')
  await shop.live(11)
  await first.waitFor(reminder('courtesy'))
  first.child.kill('SIGKILL')

  await shop.live(13)
  const second = shop.start()
  await second.waitFor(reminder('second'))
  await second.waitFor(/nothing +reminder +A-1 +it came late/)
  expect(await second.stop()).toBe(0)
  expect(count(second.output(), /remind /)).toBe(1)

  const third = shop.start()
  await third.waitFor(/Takes webhooks at/)
  expect(await third.stop()).toBe(0)
  expect(count(third.output(), /remind /)).toBe(0)
})

test('after the service was restored from an older backup it goes on, and says nothing twice', async () => {
  const shop = await openShop('restored')
  const first = shop.start()
  await first.waitFor(/Takes webhooks at/)
  await ownsAnInvoice(shop, 'A-1')
  await shop.live(11)
  await first.waitFor(reminder('courtesy'))
  await first.stop()
  const caughtUp = shop.start()
  await caughtUp.waitFor(/Takes webhooks at/)
  await caughtUp.stop()
  await restoreLog(shop.id, 'invoice.created')

  await shop.live(13)
  const second = shop.start()
  await second.waitFor(/position_lost/)
  await second.waitFor(reminder('second'))
  expect(await second.stop()).toBe(0)
  expect(count(second.output(), /remind +courtesy/)).toBe(0)
})

test('without a key, or a service, it says what to do', async () => {
  const keyless = await complete(example, { KEY: '' })
  expect(keyless).toMatchObject({ code: 1, output: expect.stringContaining('usage: npm run consumer') })
  const alone = await complete(`${example} dw_test_x --service http://127.0.0.1:1 --port 0 --memory ${join(folder, 'alone')}`)
  expect(alone).toMatchObject({ code: 1, output: expect.stringContaining('npm start') })
})
