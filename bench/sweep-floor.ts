import { execute } from './service.ts'
import { around } from './settlement-floor.ts'

/** How long the bodies of the two events are, and one of each: the floor writes as many bytes that pack as well. */
export type Bodies = Readonly<{ stage: string; notice: string }>

/**
 * The least that a sweep could cost: one statement that finds what is due and writes the rows that the sweep writes, as one
 * transaction of a user whom no policy restricts. It decides nothing, locks nothing ahead, hashes nothing, and its bodies are the
 * same one again and again with another id in it.
 */
const sweep = `
  with due as materialized (
    select o.id, o.invoice_id, o.client_id, o.currency, o.due_on, o.balance_minor, o.policy_id, o.policy_version, i.version,
      uuidv7() as entry, uuidv7() as event, uuidv7() as delivery
    from obligations o join invoices i on i.org_id = o.org_id and i.id = o.invoice_id
    where o.org_id = $1 and o.next_at <= $2
  ), owing as materialized (
    select client_id, uuidv7() as event, uuidv7() as delivery from due group by client_id, currency
  ), entered as (
    insert into stage_entries (org_id, id, obligation_id, invoice_id, client_id, cycle, stage_code, repetition, kind, skipped, offset_days,
      grace_days, policy_id, policy_version, calendar_version, entered_at, entered_on, days_overdue, balance_minor, recorded_at)
    select $1, entry, id, invoice_id, client_id, 1, 'reminder', 1, 'entered', '{}', 3, 0, policy_id, policy_version, 1, $2, $2::date, 3,
      balance_minor, $2
    from due
  ), stood as (
    update obligations o set stage_code = 'reminder', stage_entered_at = $2, next_stage_code = 'second', next_entry_at = $2::timestamptz + interval '7 days',
      next_at = $2::timestamptz + interval '7 days'
    from due where o.org_id = $1 and o.id = due.id
  ), touched as (
    update invoices i set version = i.version + 1, updated_at = $2 from due where i.org_id = $1 and i.id = due.invoice_id
  ), told as materialized (
    select event, delivery, 'invoice.dunning_stage_entered' as type, 'invoice' as kind, invoice_id as object, version + 1 as version, client_id,
      $4::text || invoice_id || $5::text as body
    from due
    union all
    select event, delivery, 'client.dunning_notice_due', 'client', client_id, 1, client_id, $6::text || client_id || $7::text from owing
  ), happened as (
    insert into events (org_id, id, type, object_kind, object_id, object_version, client_id, occurred_at, recorded_at, body_sha256)
    select $1, event, type, kind, object, version, client_id, $2, $2, repeat('0', 64) from told
  ), written as (
    insert into event_bodies (org_id, event_id, body) select $1, event, body from told
  ), delivered as (
    insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
    select $1, delivery, $3, event, 'queued', 0, $2, $2 from told
  )
  insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
  select $1, delivery, $3, event, $2, 0, 0 from told`

export type FloorSweep = Readonly<{ orgId: string; endpointId: string; at: Date; bodies: Bodies }>

export async function sweepByOneStatement(url: string, { orgId, endpointId, at, bodies }: FloorSweep): Promise<void> {
  await execute(url, sweep, [orgId, at, endpointId, ...around(bodies.stage), ...around(bodies.notice)])
}
