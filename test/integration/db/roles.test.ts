import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { problemsOf } from '../../../src/commands/backup-check.ts'
import { createOrganization } from '../../../src/commands/organization.ts'
import { readBackupState } from '../../../src/db/backup.ts'
import type { Process } from '../../../src/main.ts'
import { addOwner, type Cluster, type Major, packages, startCluster } from '../../support/clusters.ts'
import { startProcess } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 120_000 })

const OPERATOR_TOKEN = 'the-operator-of-the-role-tests'
const WITHOUT_MIGRATING = { DUNWELL_MIGRATE_ON_START: 'false' }

function serve(url: string, env: Readonly<Record<string, string>> = {}): Promise<Process> {
  return startProcess(url, {
    roles: 'api',
    env: { PORT: '0', DUNWELL_MIGRATE_ON_START: 'true', DUNWELL_OPERATOR_TOKEN: OPERATOR_TOKEN, ...env }
  })
}

async function statusesOf({ url }: Process): Promise<number[]> {
  const ready = await fetch(`${url}/readyz`)
  const made = await fetch(`${url}/v1/organizations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'A', time_zone: 'UTC', default_currency: 'EUR', mode: 'live' })
  })
  return [ready.status, made.status]
}

/** What the service answers at /readyz and to a request; or why it does not start. */
async function served(url: string, env: Readonly<Record<string, string>> = {}): Promise<number[] | string> {
  const running = await serve(url, env).catch((error: Error) => error.message)
  if (typeof running === 'string') return running
  try {
    return await statusesOf(running)
  } finally {
    await running.stop()
  }
}

/** The statements of an error, which somebody runs as a superuser. */
const statementsIn = (message: number[] | string) => String(message).match(/^ {2}.*;$/gm) ?? []

describe.for(Object.keys(packages).map((major) => Number(major) as Major))('on PostgreSQL %i', (major) => {
  let cluster: Cluster
  let ownersUrl = ''
  beforeAll(async () => {
    cluster = await startCluster(major)
    ownersUrl = await addOwner(cluster, 'owner', 'createrole')
  }, 120_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('an owner that is no superuser and may create roles migrates and serves', async () => {
    expect(await served(ownersUrl)).toEqual([200, 201])
    expect(await served(ownersUrl)).toEqual([200, 201])
    // Done once a month, with the rights of the owner.
    const [months, old] = [`now() + interval '1 year', 2`, `now() - interval '1 year'`]
    const [make, drop] = [`select dunwell_make_attempt_partitions(${months})`, `select dunwell_drop_attempt_partitions(${old})`]
    await cluster.in('owner', 'set role dunwell_app', make, drop)
  })

  test.for([
    ['another that may create roles', 'second', 'createrole'],
    ['another that may not', 'third', '']
  ] as const)(
    '%s works in its own database, at the latest once the statements it is refused with have run',
    async ([, name, attributes]) => {
      const url = await addOwner(cluster, name, attributes)
      const first = await served(url)
      if (major < 16 && attributes === 'createrole') return expect(first).toEqual([200, 201])
      expect(first).toMatch(new RegExp(`\\b${name}\\b.*\\bdunwell_app, dunwell_scheduler\\b`))
      await cluster.admin(...statementsIn(first))
      expect(await served(url)).toEqual([200, 201])
    }
  )

  test('a user that owns nothing serves, at the latest once the statements it is refused with have run', async () => {
    await cluster.admin(`create role runner login password 'runner'`)
    const url = cluster.urlOf('runner', 'owner')
    const first = await served(url, WITHOUT_MIGRATING)
    expect(first).toMatch(/\brunner\b.*\bdunwell_app, dunwell_scheduler\b/)
    await cluster.admin(...statementsIn(first))
    expect(await served(url, WITHOUT_MIGRATING)).toEqual([200, 201])
  })

  test('a process that may not take a role any more is not ready, and is again once it may', async () => {
    await cluster.admin(`create role fired login password 'fired'`, 'grant dunwell_app, dunwell_scheduler to fired')
    const running = await serve(cluster.urlOf('fired', 'owner'), WITHOUT_MIGRATING)
    const readyz = async () => (await fetch(`${running.url}/readyz`)).status
    try {
      for (const role of ['dunwell_app', 'dunwell_scheduler']) {
        await cluster.admin(`revoke ${role} from fired`)
        await expect.poll(readyz, { timeout: 10_000 }).toBe(503)
        await cluster.admin(`grant ${role} to fired`)
        await expect.poll(readyz, { timeout: 10_000 }).toBe(200)
      }
    } finally {
      await running.stop()
    }
  })

  test('a process of a newer release does not start on an older schema, and says what to run', async () => {
    const history = 'drizzle.__drizzle_migrations'
    await cluster.in('owner', `create table kept as select * from ${history} order by id desc limit 1`)
    await cluster.in('owner', `delete from ${history} where id in (select id from kept)`)
    expect(await served(ownersUrl, WITHOUT_MIGRATING)).toMatch(/schema is older.*dunwell migrate/)
    await cluster.in('owner', `insert into ${history} select * from kept`, 'drop table kept')
    expect(await served(ownersUrl, WITHOUT_MIGRATING)).toEqual([200, 201])
    const bare = await addOwner(cluster, 'bare', 'superuser')
    expect(await served(bare, WITHOUT_MIGRATING)).toMatch(/schema is older.*dunwell migrate/)
  })

  test('a process of a former release, which is rolled back to, finds nothing to migrate on a newer schema and serves', async () => {
    const later = `insert into drizzle.__drizzle_migrations (hash, created_at) values ('of a later release', 9000000000000)`
    await cluster.in('owner', later, 'alter table clients add column of_a_later_release text')
    expect(await served(ownersUrl)).toEqual([200, 201])
    expect(await served(ownersUrl, WITHOUT_MIGRATING)).toEqual([200, 201])
  })

  test('a wrong secret key is known at the start, of every process and command', async () => {
    const running = await serve(ownersUrl)
    const { key } = await createOrganization(running, { name: 'A', mode: 'live', timeZone: 'UTC', currency: 'EUR' })
    const subscribed = await fetch(`${running.url}/v1/webhook-endpoints`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: 'https://example.com/hooks', event_types: ['*'] })
    })
    expect(subscribed.status).toBe(201)
    await running.stop()
    const wrong = { DUNWELL_SECRET_KEY: 'a5'.repeat(32) }
    for (const roles of ['api', 'worker', 'none'] as const) {
      await expect(startProcess(ownersUrl, { roles, env: wrong })).rejects.toThrow(/^DUNWELL_SECRET_KEY is not the key of this/)
    }
    expect(await served(ownersUrl)).toEqual([200, 201])
  })

  test('a dump by the owner would lack what row-level security hides; one by a user that it names would not', async () => {
    const problems = problemsOf(await readBackupState(ownersUrl))
    expect(problems[0]).toMatch(/^A dump by owner would not be whole/)
    const statements = problems.filter((line) => line.endsWith(';')).map((line) => line.replace('…', 'dunwell_backup'))
    await cluster.admin('create role nosy login bypassrls', ...statements)
    expect(problemsOf(await readBackupState(cluster.urlOf('dunwell_backup', 'owner')))).toEqual([])
    await cluster.admin(`alter role nosy password 'nosy'`)
    expect(problemsOf(await readBackupState(cluster.urlOf('nosy', 'owner')))[0]).toMatch(/may not read .*\binvoices\b/)
    await cluster.in('owner', 'drop policy organization_scope on invoices')
    expect(problemsOf(await readBackupState(cluster.server.url.replace(/[^/]+$/, 'owner')))).toEqual([
      expect.stringMatching(/^Without row-level security or its policy: invoices\./)
    ])
  })

  test('an owner that may create no roles, where they are not there, is told how to make them', async () => {
    await using empty = await startCluster(major)
    const url = await addOwner(empty, 'modest', '')
    const first = await served(url)
    expect(statementsIn(first)).toContain('  create role dunwell_app login;')
    await empty.admin(...statementsIn(first))
    expect(await served(url)).toEqual([200, 201])
  })
})
