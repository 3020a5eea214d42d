import { execute } from './service.ts'

/** One event of each kind as the service writes it: the floor writes as many bytes that pack as well. */
export type SettlementBodies = Readonly<{ invoice: string; payment: string }>
export type FloorSettlement = Readonly<{
  orgId: string
  clientId: string
  endpointId: string
  at: Date
  bodies: SettlementBodies
}>

/**
 * The least that settling, or reopening, all invoices of a client could cost: one statement that writes the rows that the service writes, as one
 * transaction of a user whom no policy restricts. It decides nothing, hashes nothing, and its bodies are the same one again and again with
 * another id in it.
 */
const settlement = (
  sign: -1 | 1,
  change: Readonly<{ from: string; to: string; balance: string; kind: string; type: string; told: string }>
) => `
  with moved as materialized (
    select o.id, o.invoice_id, o.client_id, o.currency, o.amount_minor as minor, i.version, uuidv7() as entry, uuidv7() as event, uuidv7() as delivery
    from obligations o join invoices i on i.org_id = o.org_id and i.id = o.invoice_id
    where o.org_id = $1 and o.client_id = $2 and i.status = '${change.from}'
  ), paid as materialized (
    ${
      sign === -1
        ? `insert into payments (org_id, id, client_id, currency, amount_minor, unapplied_minor, status, received_on, metadata, version, created_at, updated_at)
           select $1, uuidv7(), $2, 'EUR', sum(minor), 0, 'settled', $4::timestamptz::date, '{}', 1, $4, $4 from moved returning id`
        : `update payments set status = 'reversed', reversal_reason = 'bounced', reversed_on = $4::timestamptz::date, version = 2
           where org_id = $1 and client_id = $2 returning id`
    }
  ), posted as (
    insert into ledger_entries (org_id, id, kind, client_id, currency, invoice_id, obligation_id, payment_id, balance_minor, unapplied_minor, effective_on,
      recorded_at)
    select $1, entry, '${change.kind}', client_id, currency, invoice_id, m.id, paid.id, ${sign} * minor, ${sign} * minor, $4::timestamptz::date, $4
    from moved m, paid
  ), opened as (
    update obligations o set balance_minor = ${change.balance}, next_at = case when ${sign} > 0 then $4::timestamptz end from moved m
    where o.org_id = $1 and o.id = m.id
  ), shown as (
    update invoices i set balance_minor = ${change.balance}, status = '${change.to}', version = i.version + 1, updated_at = $4 from moved m
    where i.org_id = $1 and i.id = m.invoice_id
  ), told as materialized (
    select event, delivery, '${change.type}' as type, 'invoice' as kind, invoice_id as object, version + 1 as version,
      $5::text || invoice_id || $6::text as body from moved
    union all
    select uuidv7(), uuidv7(), '${change.told}', 'payment', id, 1, $7::text || id || $8::text from paid
  ), happened as (
    insert into events (org_id, id, type, object_kind, object_id, object_version, client_id, occurred_at, recorded_at, body_sha256)
    select $1, event, type, kind, object, version, $2, $4, $4, repeat('0', 64) from told
  ), written as (
    insert into event_bodies (org_id, event_id, body) select $1, event, body from told
  ), delivered as (
    insert into webhook_deliveries (org_id, id, endpoint_id, event_id, status, attempts, created_at, updated_at)
    select $1, delivery, $3, event, 'queued', 0, $4, $4 from told
  )
  insert into webhook_queue (org_id, delivery_id, endpoint_id, event_id, ready_at, attempt, failures)
  select $1, delivery, $3, event, $4, 0, 0 from told`

const statements = {
  payment: settlement(-1, {
    ...{ from: 'open', to: 'paid', balance: '0', kind: 'allocation' },
    ...{ type: 'invoice.paid', told: 'payment.settled' }
  }),
  reversal: settlement(1, {
    ...{ from: 'paid', to: 'open', balance: 'm.minor', kind: 'allocation_reversed' },
    ...{ type: 'invoice.reopened', told: 'payment.reversed' }
  })
}

export async function settleByOneStatement(
  url: string,
  which: 'payment' | 'reversal',
  { orgId, clientId, endpointId, at, bodies }: FloorSettlement
): Promise<void> {
  await execute(url, statements[which], [orgId, clientId, endpointId, at, ...around(bodies.invoice), ...around(bodies.payment)])
}

/** Cuts a body where its object's id stands, so that no two are the same. */
export function around(body: string): [string, string] {
  const id = /"object":\{"id":"([0-9a-f-]{36})"/.exec(body)?.[1]
  if (id === undefined) throw new Error('An event body names its object.')
  const at = body.indexOf(id)
  return [body.slice(0, at), body.slice(at + id.length)]
}
