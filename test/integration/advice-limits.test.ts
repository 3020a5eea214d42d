import pg from 'pg'
import { afterAll, test } from 'vitest'
import { byRef, type Case, takeAdvice, type World } from '../support/advice.ts'
import { done, policyBody, startDunning } from '../support/dunning.ts'

const { newLedger, databaseUrl, close } = await startDunning()
afterAll(close)

const endpoint = ({ send }: World) =>
  send('POST', '/v1/webhook-endpoints', { url: 'https://receiver.example/hook', event_types: ['*'] })
const policy = ({ send }: World) => send('POST', '/v1/dunning-policies', policyBody([{ code: 'a', offset_days: 1 }]))

/** Until it is refused, which it is in the end: a limit that does not hold ends the test by its time. */
async function untilRefused(wish: () => ReturnType<World['send']>): ReturnType<World['send']> {
  for (;;) {
    const answer = await wish()
    if (answer.status >= 300) return answer
  }
}

const firstId = async ({ ledger }: World, path: string) => {
  const { data } = await done(ledger.call<{ data: { id: string }[] }>('GET', `${path}?limit=1`))
  return String(data[0]?.id)
}

async function fill({ ledger }: World): Promise<void> {
  const admin = new pg.Client({ connectionString: databaseUrl })
  await admin.connect()
  await admin.query(
    `insert into pending_writes (org_id, id, kind, source, external_id, operation, body, state, awaited_kind, awaited_source, awaited_id,
       version, created_at, updated_at)
     select $1, uuidv7(), 'invoice', 'bulk', n::text, 'put', '{}', 'waiting', 'client', 'bulk', (n % 50)::text, 1, now(), now()
     from generate_series(1, 10000) n`,
    [ledger.id]
  )
  await admin.end()
}
const waiting = { client_ref: { source: 'erp', id: 'nobody' }, number: 'N', currency: 'EUR', total: '1.00' }

const cases: Readonly<Record<string, Case>> = {
  'endpoints of an organization': {
    advice: 'delete one that is no longer used',
    wish: (world) => untilRefused(() => endpoint(world)),
    step: async (world) => world.send('DELETE', `/v1/webhook-endpoints/${await firstId(world, '/v1/webhook-endpoints')}`),
    again: endpoint
  },
  'replays at a time': {
    advice: 'cancel one',
    wish: async (world) => {
      const { body } = await endpoint(world)
      const from = new Date(Date.parse('2026-01-05T08:00:00Z')).toISOString()
      return untilRefused(() => world.send('POST', `/v1/webhook-endpoints/${body.id}/replay`, { from }))
    },
    step: async (world) => world.send('POST', `/v1/webhook-replays/${await firstId(world, '/v1/webhook-replays')}/cancel`),
    again: async (world) => {
      const id = await firstId(world, '/v1/webhook-endpoints')
      return world.send('POST', `/v1/webhook-endpoints/${id}/replay`, { from: '2026-01-05T08:00:00Z' })
    }
  },
  'dunning policies': {
    advice: 'change one instead',
    wish: (world) => untilRefused(() => policy(world)),
    again: async (world) => {
      const id = await firstId(world, '/v1/dunning-policies')
      return world.send('PUT', `/v1/dunning-policies/${id}`, policyBody([{ code: 'b', offset_days: 1 }]))
    }
  },
  'pending writes': {
    advice: 'delete pending writes',
    wish: async (world) => {
      await fill(world)
      return world.send('PUT', byRef('invoices'), waiting)
    },
    step: async (world) => world.send('DELETE', `/v1/pending-writes/${await firstId(world, '/v1/pending-writes')}`),
    again: (world) => world.send('PUT', byRef('invoices'), waiting)
  },
  'writes that wait for one reference': {
    advice: 'Send its object first',
    wish: (world) => {
      let sent = 0
      return untilRefused(() => world.send('PUT', byRef('invoices', String(sent++)), { ...waiting, issued_on: '2026-01-01' }))
    },
    step: (world) => world.send('PUT', byRef('clients', 'nobody'), { name: 'C' }),
    again: (world) => world.send('PUT', byRef('invoices', 'one-more'), waiting)
  }
}

test.for(Object.entries(cases))('the limit of %s says what makes room, and that does', { timeout: 60_000 }, async ([, limit]) => {
  await takeAdvice(limit, await newLedger())
})
