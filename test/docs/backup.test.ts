import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOrganization } from '../../src/commands/organization.ts'
import type { Process } from '../../src/main.ts'
import { type Cluster, startCluster } from '../support/clusters.ts'
import { complete } from '../support/processes.ts'
import { startProcess } from '../support/webhooks.ts'

/** pg_dump of a distribution dumps servers up to its own version, so the server here is the oldest that is supported. */
const PASSWORDS = { OWNER_PASSWORD: 'dunwell_owner', SERVICE_PASSWORD: 'dunwell_service', BACKUP_PASSWORD: 'dunwell_backup' }
const DUNWELL = `${process.execPath} src/cli.ts`
const SECRET_KEY = '5a'.repeat(32)

let folder = ''
let dunwell: Cluster
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dunwell-backup-'))
  dunwell = await startCluster(15)
})
afterAll(async () => {
  await dunwell[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

function environmentOf({ server, urlOf }: Cluster): Record<string, string> {
  const [owner, backup] = ['dunwell_owner', 'dunwell_backup'].map((user) => urlOf(user, 'dunwell'))
  return {
    ...PASSWORDS,
    DUNWELL,
    DUNWELL_SECRET_KEY: SECRET_KEY,
    ADMIN_URL: server.url,
    OWNER_URL: `${owner}`,
    BACKUP_URL: `${backup}`
  }
}

/** Runs a script of the documents. */
async function run(command: string, cluster: Cluster): Promise<string> {
  const { code, output } = await complete(command, environmentOf(cluster))
  expect([command, code, output]).toEqual([command, 0, output])
  return output
}

const users = `psql --quiet --dbname="$ADMIN_URL" --file=docs/database-users.sql`
const migrate = `DATABASE_URL=$OWNER_URL ${DUNWELL} migrate`

function serve({ urlOf }: Cluster): Promise<Process> {
  const env = { DUNWELL_SECRET_KEY: SECRET_KEY, PORT: '0', DUNWELL_MIGRATE_ON_START: 'false' }
  return startProcess(urlOf('dunwell_service', 'dunwell'), { roles: 'all', env })
}

async function call<T>({ url }: Process, key: string, [method, path, body]: readonly [string, string, object?]): Promise<T> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const answer = await fetch(`${url}/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  expect([path, answer.ok]).toEqual([path, true])
  return (await answer.json()) as T
}

test('the scripts make users that are no superusers, dump, and restore into a new cluster, where the service goes on', async (context) => {
  const { code } = await complete('pg_dump --version && psql --version')
  if (code !== 0) context.skip('no client programs of PostgreSQL here')
  await run(`${users} && ${users} && ${migrate}`, dunwell)
  const serving = await serve(dunwell)
  const { key } = await createOrganization(serving, { name: 'Acme', mode: 'live', timeZone: 'UTC', currency: 'EUR' })
  const { id } = await call<{ id: string }>(serving, key, ['POST', '/clients', { name: 'Beta Ltd' }])
  await call(serving, key, ['POST', '/invoices', { client_id: id, number: '1', currency: 'EUR', total: '10.00' }])
  await call(serving, key, ['POST', '/webhook-endpoints', { url: 'https://example.com/hooks', event_types: ['*'] }])
  await serving.stop()
  const asOwner = await complete(`DATABASE_URL=$OWNER_URL ${DUNWELL} backup-check`, environmentOf(dunwell))
  expect(asOwner).toMatchObject({ code: 1, output: expect.stringContaining('bypassrls') as string })
  const file = join(folder, 'dunwell.dump')
  await run(`docs/backup.sh ${file}`, dunwell)

  await using restored = await startCluster(15)
  await run(users, restored)
  expect(await run(`docs/restore.sh ${file}`, restored)).toMatch(/1 organizations\nright/)
  const again = await serve(restored)
  expect(await call(again, key, ['GET', `/invoices?client_id=${id}`])).toMatchObject({ data: [{ number: '1' }] })
  await call(again, key, ['POST', '/invoices', { client_id: id, number: '2', currency: 'EUR', total: '10.00' }])
  expect((await fetch(`${again.url}/readyz`)).status).toBe(200)
  await again.stop()
})

test('the users serve, and dump, on the newest PostgreSQL too', async (context) => {
  const { code } = await complete('psql --version')
  if (code !== 0) context.skip('no client programs of PostgreSQL here')
  await using newest = await startCluster(18)
  await run(`${users} && ${migrate} && DATABASE_URL=$BACKUP_URL ${DUNWELL} backup-check`, newest)
  const serving = await serve(newest)
  const { key } = await createOrganization(serving, { name: 'Acme', mode: 'live', timeZone: 'UTC', currency: 'EUR' })
  await call(serving, key, ['POST', '/clients', { name: 'Beta Ltd' }])
  await serving.stop()
})

test('a database that was restored without its roles is not served, and the check says why', async (context) => {
  const { code } = await complete('pg_dump --version')
  if (code !== 0) context.skip('no client programs of PostgreSQL here')
  const file = join(folder, 'unowned.dump')
  await run(`pg_dump --format=custom --file=${file} "$BACKUP_URL"`, dunwell)
  await using bare = await startCluster(15)
  await bare.admin('create database dunwell')
  const restoring = await complete(`pg_restore --dbname="\${ADMIN_URL%/*}/dunwell" ${file}`, environmentOf(bare))
  expect([restoring.code, restoring.output]).toEqual([1, expect.stringContaining('role "dunwell_app" does not exist')])
  const url = new URL(bare.server.url)
  url.pathname = '/dunwell'
  for (const env of [{ DUNWELL_MIGRATE_ON_START: 'false' }, { DUNWELL_MIGRATE_ON_START: 'true' }]) {
    await expect(startProcess(url.href, { roles: 'api', env: { ...env, PORT: '0' } })).rejects.toThrow(/roles/)
  }
  const check = await complete(`${DUNWELL} backup-check`, { DATABASE_URL: url.href })
  expect(check).toMatchObject({
    code: 1,
    output: expect.stringMatching(/Without row-level security.*clients.*invoices/) as string
  })
})
