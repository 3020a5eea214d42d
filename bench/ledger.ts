import pg from 'pg'

/** Open invoices, made set-wise: `dueClients` of the clients have a stage to be entered at 09:00 of `sweepOn`, the others none yet. */
export type Ledger = Readonly<{
  orgId: string
  policyId: string
  clients: number
  dueClients: number
  invoicesPerClient: number
  sweepOn: string
}>

const madeAt = `'2026-01-05T08:00:00Z'::timestamptz`

const insertClients = `
  insert into clients (org_id, id, name, locale, time_zone, tags, metadata, version, created_at, updated_at)
  select $1, uuidv7(), 'Client ' || n, 'en', case when n % 4 = 0 then 'America/New_York' end, '{}', '{"account":"standard"}', 1, ${madeAt}, ${madeAt}
  from generate_series(1, $2::int) n`

const insertContacts = `
  insert into contacts (org_id, id, client_id, position, name, role, email, do_not_contact)
  select $1, uuidv7(), id, 0, 'Accounts payable', 'billing', 'payable@' || left(id::text, 8) || '.example', false
  from clients where org_id = $1`

/** The due ones fell due three days before the sweep, so that the second stage of the default policy is theirs that day. */
const insertInvoices = `
  insert into invoices (org_id, id, client_id, number, currency, total_minor, balance_minor, issued_on, due_on, status, collection_method,
    dunning_start, payment_links, metadata, version, created_at, updated_at)
  select $1, uuidv7(), c.id, 'INV-' || c.n || '-' || m, 'EUR', 10000 + (c.n * 31 + m * 7) % 90000, 10000 + (c.n * 31 + m * 7) % 90000,
    due_on - 30, due_on, 'open', 'manual', 'normal', '[{"kind":"card","url":"https://pay.example/i/1"}]', '{"order":"4711"}',
    1, ${madeAt}, ${madeAt}
  from (select id, row_number() over (order by id) as n from clients where org_id = $1) c,
    generate_series(1, $3::int) m,
    lateral (select case when c.n <= $2 then $4::date - 3 else $4::date + 20 + ((c.n + m) % 60)::int end as due_on) d`

const insertObligations = `
  insert into obligations (org_id, id, invoice_id, client_id, kind, due_on, currency, amount_minor, balance_minor, cycle, overdue_from_on,
    overdue_announced, stage_code, stage_entered_at, next_stage_code, next_entry_at, next_at, policy_id, policy_version)
  select $1, uuidv7(), i.id, i.client_id, 'invoice', i.due_on, i.currency, i.total_minor, i.total_minor, 1, i.due_on + 1,
    is_due, case when is_due then 'courtesy' end, case when is_due then entered_at end, case when is_due then 'reminder' else 'courtesy' end,
    next_at, next_at,
    case when is_due then $3::uuid end, case when is_due then 1 end
  from invoices i, lateral (select i.due_on < $2::date as is_due, (i.due_on - 3) + time '09:00' at time zone 'Europe/Berlin' as entered_at) d,
    lateral (select case when is_due then $2::date + time '09:00' at time zone 'Europe/Berlin' else entered_at end as next_at) n
  where i.org_id = $1 order by i.id`

/** What the due ones entered before: a sweep reads it. */
const insertEntries = `
  insert into stage_entries (org_id, id, obligation_id, invoice_id, client_id, cycle, stage_code, repetition, kind, skipped, offset_days,
    grace_days, policy_id, policy_version, calendar_version, entered_at, entered_on, days_overdue, balance_minor, recorded_at)
  select $1, uuidv7(), id, invoice_id, client_id, 1, 'courtesy', 1, 'entered', '{}', -3, 0, policy_id, policy_version, 1, stage_entered_at,
    due_on - 3, -3, balance_minor, stage_entered_at
  from obligations where org_id = $1 and stage_code is not null`

const insertLedger = `
  insert into ledger_entries (org_id, id, kind, client_id, currency, invoice_id, obligation_id, balance_minor, unapplied_minor, effective_on, recorded_at)
  select $1, uuidv7(), 'invoice_issued', client_id, currency, invoice_id, id, amount_minor, 0, due_on - 30, ${madeAt}
  from obligations where org_id = $1`

/** Through the API this would take an hour and measure something else. The rows are the ones that it would have written. */
export async function loadLedger(url: string, { orgId, policyId, clients, dueClients, invoicesPerClient, sweepOn }: Ledger) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // What was made by one statement is right by construction: checking a million foreign keys would only take time.
    await client.query('set session_replication_role = replica')
    await client.query(insertClients, [orgId, clients])
    await client.query(insertContacts, [orgId])
    await client.query(insertInvoices, [orgId, dueClients, invoicesPerClient, sweepOn])
    await client.query(insertObligations, [orgId, sweepOn, policyId])
    await client.query(insertEntries, [orgId])
    await client.query(insertLedger, [orgId])
    await client.query('vacuum (analyze)')
  } finally {
    await client.end()
  }
}
