import Fastify from 'fastify'
import pg from 'pg'
import { newId } from '../src/ids.ts'

const DATABASE_CONNECTIONS = 10

/**
 * Everything that an issued invoice leaves behind, in one statement: the idempotency key with its answer, the invoice, its
 * obligation, its ledger entry, the event with its body, the delivery and its place in the queue.
 * @param given a query of one row with what the columns are made from.
 */
export const writesFrom = (given: string) => `
  with given as (${given}),
  key as (
    insert into idempotency_keys (org_id, key, fingerprint, status, body, sealed, created_at)
    select org, idempotency_key, repeat('0', 64), 201, answer, false, at from given
  ), invoice as (
    insert into invoices (org_id, id, client_id, number, currency, total_minor, balance_minor, issued_on, due_on, status, collection_method,
      dunning_start, payment_links, metadata, version, created_at, updated_at)
    select org, invoice, client, number, 'EUR', total, total, issued_on, due_on, 'open', 'manual', 'normal',
      '[{"url":"https://pay.example/i/1","kind":"card"}]', '{"order":"4711"}', 1, at, at from given
  ), obligation as (
    insert into obligations (org_id, id, invoice_id, client_id, kind, due_on, currency, amount_minor, balance_minor, cycle, overdue_from_on,
      overdue_announced, next_stage_code, next_entry_at, next_at)
    select org, obligation, invoice, client, 'invoice', due_on, 'EUR', total, total, 1, due_on + 1, false, 'courtesy', at + interval '20 days',
      at + interval '20 days'
    from given
  ), entry as (
    insert into ledger_entries (org_id, id, kind, client_id, currency, invoice_id, obligation_id, balance_minor, unapplied_minor, effective_on,
      recorded_at)
    select org, entry, 'invoice_issued', client, 'EUR', invoice, obligation, total, 0, issued_on, at from given
  ), event as (
    insert into events (org_id, id, type, object_kind, object_id, object_version, client_id, occurred_at, recorded_at, body_sha256)
    select org, event, 'invoice.created', 'invoice', invoice, 1, client, at, at, repeat('0', 64) from given
  ), body as (
    insert into event_bodies (org_id, event_id, body) select org, event, event_body from given
  ), delivery as (
    insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
    select org, delivery, endpoint, event, 'queued', 0, at, at from given
  )
  insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
  select org, delivery, endpoint, event, at, 0, 0 from given`

const fromParameters = `
  select $1::uuid as org, $2::text as idempotency_key, $3::text as answer, $4::timestamptz as at, $5::uuid as invoice, $6::uuid as client,
    $7::text as number, $8::bigint as total, $9::date as issued_on, $10::date as due_on, $11::uuid as obligation, $12::uuid as entry,
    $13::uuid as event, $14::text as event_body, $15::uuid as delivery, $16::uuid as endpoint`

type Body = { client_id: string; number: string; total: string; issued_on: string; due_on: string }

/**
 * The least that issuing an invoice could cost: a bare route that runs that statement alone, prepared, as a transaction of its own,
 * by a user whom no policy restricts. Nothing is validated, read, locked, decided or hashed; the bodies are as long as the real ones.
 */
export async function startFloor(url: string, { orgId, endpointId }: { orgId: string; endpointId: string }) {
  const pool = new pg.Pool({ connectionString: url, max: DATABASE_CONNECTIONS })
  const text = writesFrom(fromParameters)
  const app = Fastify()
  app.post<{ Body: Body }>('/v1/invoices', async (request, reply) => {
    const { body, headers } = request
    const at = new Date()
    const [invoice, event] = [newId(), newId()]
    const answer = answerOf(body, { id: invoice, at: at.toISOString() })
    const values = [
      orgId,
      headers['idempotency-key'],
      answer,
      at,
      invoice,
      body.client_id,
      body.number,
      BigInt(body.total.replace('.', ''))
    ]
    values.push(
      body.issued_on,
      body.due_on,
      newId(),
      newId(),
      event,
      eventBodyOf(answer, { orgId, at: at.toISOString() }),
      newId(),
      endpointId
    )
    await pool.query({ name: 'issue', text, values })
    return reply.code(201).header('content-type', 'application/json; charset=utf-8').send(answer)
  })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    origin,
    async stop() {
      await app.close()
      await pool.end()
    }
  }
}

export function answerOf(body: Body, { id, at }: { id: string; at: string }): string {
  const { client_id, number, total, issued_on, due_on } = body
  return JSON.stringify({
    ...{ id, client_id, number, currency: 'EUR', total, balance: total, status: 'open', issued_on, due_on },
    due_schedule: [{ due_on, amount: total, balance: total, days_overdue: 0, stage: null }],
    ...{ is_partially_paid: false, is_overdue: false, days_overdue: 0, collection_method: 'manual' },
    payment_links: [{ kind: 'card', url: 'https://pay.example/i/1' }],
    dunning_policy_id: null,
    dunning: {
      ...{ start: 'normal', policy_id: null, policy_version: null, stage: null, entered_at: null },
      ...{ next_stage: 'courtesy', next_at: at, cycle: 1 }
    },
    ...{ external_refs: [], metadata: { order: '4711' }, replaced_by_id: null, version: 1, created_at: at, updated_at: at }
  })
}

export function eventBodyOf(answer: string, { orgId, at }: { orgId: string; at: string }): string {
  return `{"type":"invoice.created","timestamp":"${at}","data":{"organization_id":"${orgId}","object":${answer},"previous":null,"context":{}}}`
}
