import pg from 'pg'

export type LargeClient = Readonly<{ orgId: string; clientId: string; invoices: number; today: string }>

const inserts = [
  `insert into invoices (org_id, id, client_id, number, currency, total_minor, balance_minor, issued_on, due_on, status, collection_method,
     dunning_start, payment_links, metadata, version, created_at, updated_at)
   select $1, uuidv7(), $2, 'L' || n, 'EUR', 10000 + n % 900, 10000 + n % 900, $4::date - 1 - n % 600, $4::date - 1 - n % 600 + (array[14, 30, 60])[1 + n % 3],
     'open', 'manual', 'normal', '[]', '{}', 1, now(), now() from generate_series(1, $3::int) n`,
  `insert into obligations (org_id, id, invoice_id, client_id, kind, due_on, currency, amount_minor, balance_minor, cycle, overdue_from_on,
     overdue_announced)
   select org_id, uuidv7(), id, client_id, 'invoice', due_on, currency, total_minor, balance_minor, 1, due_on + 1, due_on < $4::date
   from invoices where org_id = $1 and client_id = $2 and $3::int > 0`,
  `insert into ledger_entries (org_id, id, kind, client_id, currency, invoice_id, obligation_id, balance_minor, unapplied_minor, effective_on, recorded_at)
   select o.org_id, uuidv7(), 'invoice_issued', o.client_id, o.currency, o.invoice_id, o.id, o.amount_minor, 0, i.issued_on, now()
   from obligations o join invoices i on i.org_id = o.org_id and i.id = o.invoice_id
   where o.org_id = $1 and o.client_id = $2 and $3::int > 0 and i.issued_on < $4::date`
]

/** Open invoices of two years, made by three statements: through the API they would take minutes. No event tells of them. */
export async function loadLargeClient(databaseUrl: string, { orgId, clientId, invoices, today }: LargeClient): Promise<void> {
  const owner = new pg.Client(databaseUrl)
  await owner.connect()
  try {
    // What is made by one statement is right by construction: checking each foreign key would only take time.
    await owner.query('set session_replication_role = replica')
    for (const text of inserts) await owner.query(text, [orgId, clientId, invoices, today])
    await owner.query('vacuum (analyze) invoices, obligations, ledger_entries')
  } finally {
    await owner.end()
  }
}
