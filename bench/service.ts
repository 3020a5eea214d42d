import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { createOrganization } from '../src/commands/organization.ts'
import { loadConfig } from '../src/config.ts'
import type { Clock } from '../src/kernel/clock.ts'
import { createLogger, type Process, start } from '../src/main.ts'

export type Tenant = Readonly<{ orgId: string; key: string; policyId: string }>

/** The service as it is, over a migrated database, listening on loopback; without its jobs, so that it does what it is asked. */
export async function startService(url: string, { clock }: { clock?: Clock } = {}): Promise<Process & { url: string }> {
  const config = loadConfig({
    DATABASE_URL: url,
    DUNWELL_SECRET_KEY: randomBytes(32).toString('hex'),
    DUNWELL_ROLES: 'api',
    DUNWELL_MIGRATE_ON_START: 'false',
    // It counts, and never refuses.
    DUNWELL_RATE_LIMIT: '1000000',
    DUNWELL_ORGANIZATION_RATE_LIMIT: '10000000',
    LOG_LEVEL: 'warn',
    PORT: '0'
  })
  const parts = await start({ config, log: createLogger(config), ...(clock && { clock }) })
  if (parts.url === undefined) throw new Error('A service that answers HTTP has an address.')
  return { ...parts, url: parts.url }
}

export async function makeTenant(parts: Process): Promise<Tenant> {
  const wanted = { name: 'Bench', mode: 'live', timeZone: 'Europe/Berlin', currency: 'EUR' } as const
  const { id: orgId, key } = await createOrganization(parts, wanted)
  const { organization } = await parts.database.reading(orgId, (reader) => parts.services.organizations.books(reader))
  const { defaultDunningPolicyId: policyId } = organization
  if (policyId === null) throw new Error('An organization has a default policy.')
  return { orgId, key, policyId }
}

/** One statement by a superuser, on a connection of its own. */
export async function execute<Row extends object>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>({ text, values: [...values] })).rows
  } finally {
    await client.end()
  }
}

/** An endpoint for every event. Nothing is sent in a bench that runs no worker. */
export async function subscribe(url: string, orgId: string): Promise<string> {
  const [row] = await execute<{ id: string }>(
    url,
    `with endpoint as (
       insert into webhook_endpoints (org_id, id, url, event_types, headers, max_in_flight, timeout_ms, status, version, created_at, updated_at)
       values ($1, uuidv7(), 'https://receiver.example/hook', '{*}', '{}', 10, 15000, 'enabled', 1, now(), now()) returning id
     ), health as (
       insert into webhook_endpoint_health (org_id, endpoint_id, consecutive_failures, opens) select $1, id, 0, 0 from endpoint
     ), success as (
       insert into webhook_endpoint_successes (org_id, endpoint_id) select $1, id from endpoint
     )
     select id from endpoint`,
    [orgId]
  )
  if (row === undefined) throw new Error('The endpoint was not made.')
  return row.id
}
