import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readMigrations } from '../../../src/db/migrate.ts'
import { migrationsFolder, type Process } from '../../../src/main.ts'
import { freshDatabase } from '../../support/database.ts'
import { presentRelease, recordedReleases, refusals } from '../../support/releases.ts'
import { startProcess } from '../../support/webhooks.ts'

const database = await freshDatabase()
const client = new pg.Client({ connectionString: database.url })
const migrations = await readMigrations(migrationsFolder)
const releases = await recordedReleases()
beforeAll(() => client.connect())
afterAll(async () => {
  await client.end()
  await database.dispose()
})

const oldestRelease = async () =>
  (await client.query<{ oldest: number }>('select dunwell_oldest_release() as oldest')).rows[0]?.oldest ?? 0
/** As a migration that takes something away from the releases before. */
const contract = (oldest: number) =>
  client.query(`create or replace function dunwell_oldest_release() returns int language sql immutable as 'select ${oldest}'`)
/** Migrations of a release after this one. */
const expand = () =>
  client.query(`insert into drizzle.__drizzle_migrations (hash, created_at) values ('of a later release', 9000000000000)`)
const serve = (roles: 'api' | 'worker' | 'none' = 'api') => startProcess(database.url, { roles })
const readiness = async ({ url }: Process) => (await fetch(`${url}/readyz`)).status

test('every statement is one that the migrated schema takes', async () => {
  const present = await presentRelease(client)
  expect(await refusals(client, present)).toEqual([])
  expect(Object.keys(present.statements).length).toBeGreaterThan(300)
})

test('every release that the schema lets run finds all that its statements use: expand, migrate, and contract in a later release', async () => {
  const oldest = await oldestRelease()
  for (const release of releases.filter(({ migrations }) => migrations >= oldest)) {
    expect({ release: release.version, refused: await refusals(client, release) }).toEqual({
      release: release.version,
      refused: []
    })
  }
  expect(oldest).toBeLessThanOrEqual(migrations.length)
  // Whichever is recorded is held to it.
  expect(releases.length).toBeGreaterThan(0)
})

test.for<[change: string, refused: RegExp]>([
  ['alter table webhook_attempts drop column duration_ms cascade', /^webhook.*column "duration_ms" .* does not exist$/],
  ['alter table clients rename column name to called', /^client.*column .*name.* does not exist$/],
  ['alter table clients add column test_only int not null', /^clients\.test_only: must be filled/]
])('what a release would miss after `%s` is named', async ([change, refused]) => {
  const found = await refusals(client, await presentRelease(client), change)
  expect(found.length).toBeGreaterThan(0)
  expect(found).toEqual(expect.arrayContaining([expect.stringMatching(refused)]))
})

test('a release runs on a newer schema that says it may, and is refused at its start and not ready on one that says it may not', async () => {
  const before = await oldestRelease()
  const running = await serve()
  await expand()
  expect(await readiness(running)).toBe(200)
  await (await serve()).stop()
  await contract(migrations.length + 1)
  await expect.poll(() => readiness(running), { timeout: 10_000 }).toBe(503)
  for (const roles of ['api', 'worker', 'none'] as const) {
    await expect(serve(roles)).rejects.toThrow(
      `The schema is of a later release and takes those with ${migrations.length + 1} migrations or more. This one has ${migrations.length}`
    )
  }
  await contract(before)
  await expect.poll(() => readiness(running), { timeout: 10_000 }).toBe(200)
  await running.stop()
})
