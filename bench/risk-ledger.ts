import pg from 'pg'

const madeAt = `'2026-01-05T08:00:00Z'::timestamptz`

/**
 * Invoices of a year before `on`: of each client's, the last few are open, overdue with every fifth client; the others were paid around
 * their due day, each client in its own manner.
 */
const insertInvoices = `
  insert into invoices (org_id, id, client_id, number, currency, total_minor, balance_minor, issued_on, due_on, status, collection_method,
    dunning_start, payment_links, metadata, version, created_at, updated_at)
  select $1, uuidv7(), c.id, 'INV-' || c.n || '-' || m, 'EUR', amount, case when is_open then amount else 0 end, due_on - 30, due_on,
    case when is_open then 'open' else 'paid' end, 'manual', 'normal', '[]', '{}', 1, ${madeAt}, ${madeAt}
  from (select id, (row_number() over (order by id))::int as n from clients where org_id = $1) c, generate_series(1, $3::int) m,
    lateral (select m > $3 - $4 as is_open, 10000 + (c.n * 31 + m * 7) % 90000 as amount) i,
    lateral (select case when is_open and c.n % 5 > 0 then $2::date + 5 + (m * 7 + c.n) % 25
      else $2::date - 10 - ($3 - m) * 330 / $3 - c.n % 30 end as due_on) d`

const insertObligations = `
  insert into obligations (org_id, id, invoice_id, client_id, kind, due_on, currency, amount_minor, balance_minor, cycle, overdue_from_on,
    overdue_announced)
  select org_id, uuidv7(), id, client_id, 'invoice', due_on, currency, total_minor, balance_minor, 1, due_on + 1, false
  from invoices where org_id = $1`

const insertLedger = `
  insert into ledger_entries (org_id, id, kind, client_id, currency, invoice_id, obligation_id, payment_id, balance_minor, unapplied_minor,
    effective_on, recorded_at)
  select $1, uuidv7(), entry, o.client_id, o.currency, o.invoice_id, o.id, null, case entry when 'allocation' then -o.amount_minor else o.amount_minor end,
    0, case entry when 'allocation' then least($2::date - 1, o.due_on - 5 + (hashtext(o.client_id::text) & 15) + (hashtext(o.id::text) & 7))
      else o.due_on - 30 end, ${madeAt}
  from obligations o, unnest(array['invoice_issued', 'allocation']) as entry
  where o.org_id = $1 and (entry = 'invoice_issued' or o.balance_minor = 0)`

const insertClients = `
  insert into clients (org_id, id, name, tags, metadata, version, created_at, updated_at)
  select $1, uuidv7(), 'Client ' || n, '{}', '{}', 1, ${madeAt}, ${madeAt} from generate_series(1, $2::int) n`

export type PaidLedger = Readonly<{
  orgId: string
  clients: number
  invoicesPerClient: number
  openPerClient: number
  on: string
}>

export async function loadPaidLedger(
  url: string,
  { orgId, clients, invoicesPerClient, openPerClient, on }: PaidLedger
): Promise<void> {
  await unchecked(url, async (client) => {
    await client.query(insertClients, [orgId, clients])
    await client.query(insertInvoices, [orgId, on, invoicesPerClient, openPerClient])
    await client.query(insertObligations, [orgId])
    await client.query(insertLedger, [orgId, on])
    await client.query('analyze')
  })
}

/** What hangs on a client, and on its invoices, copied for each copy of the client. */
const copies = [
  `create temp table copy_of as select c.id as old_client, uuidv7() as new_client from clients c, generate_series(2, $1::int)`,
  `create temp table invoice_copy as select i.id as old_invoice, uuidv7() as new_invoice, k.old_client, k.new_client
   from copy_of k join invoices i on i.client_id = k.old_client`,
  copyOf('clients', { id: 'k.new_client' }, 'join copy_of k on k.old_client = t.id'),
  copyOf('invoices', { id: 'k.new_invoice', client_id: 'k.new_client' }, 'join invoice_copy k on k.old_invoice = t.id'),
  copyOf(
    'obligations',
    { id: 'uuidv7()', invoice_id: 'k.new_invoice', client_id: 'k.new_client' },
    'join invoice_copy k on k.old_invoice = t.invoice_id'
  ),
  copyOf(
    'risk_claims',
    { invoice_id: 'k.new_invoice', client_id: 'k.new_client' },
    'join invoice_copy k on k.old_invoice = t.invoice_id'
  ),
  ...['risk_clients', 'risk_rankings', 'risk_exposures', 'risk_scores'].map((table) =>
    copyOf(table, { client_id: 'k.new_client' }, 'join copy_of k on k.old_client = t.client_id')
  ),
  'drop table copy_of',
  'drop table invoice_copy'
]

/** A statement that gives the insert of it: the columns are those of the table. */
function copyOf(table: string, other: Readonly<Record<string, string>>, join: string): string {
  const replaced = JSON.stringify(other).replaceAll("'", "''")
  return `do $do$ declare names text; picks text; begin
    select string_agg(quote_ident(attname), ', ' order by attnum), string_agg(coalesce('${replaced}'::jsonb ->> attname, 't.' || quote_ident(attname)), ', ' order by attnum)
      into names, picks from pg_attribute where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped;
    execute format('insert into ${table} (%s) select %s from ${table} t ${join}', names, picks);
  end $do$`
}

/** Makes each client `times` clients. Through the service it would take the better part of an hour. */
export async function multiplyClients(url: string, times: number): Promise<void> {
  await unchecked(url, async (client) => {
    for (const text of copies) await client.query(text, text.includes('$1') ? [times] : [])
    await client.query('vacuum (analyze)')
  })
}

/** What is made by one statement is right by construction: checking a million foreign keys would only take time. */
async function unchecked(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    await work(client)
  } finally {
    await client.end()
  }
}
