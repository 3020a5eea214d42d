import { createHash } from 'node:crypto'
import type { Reader } from '../db/client.ts'
import { statement } from '../db/statement.ts'
import { chainInput } from '../modules/events/event.ts'

/** A thing that must be true of an organization's books, and the ids of what breaks it. */
export type Check = Readonly<{ name: string; checked: number; broken: readonly string[] }>

type Row = { checked: bigint; broken: string[] | null }

const SHOWN = 20

/** @param key names the statement; @param broken a query of the ids that break it; @param checked the table whose rows are counted as looked at. */
function rule(key: string, name: string, { of, broken }: { of: string; broken: string }) {
  const text = `select (select count(*) from ${of} where org_id = $1) as checked, (select array_agg(id::text) from (${broken} limit ${SHOWN}) b) as broken`
  return { name, statement: statement<Row>(`check.${key}`, text) }
}

const rules = [
  rule('obligations', 'an obligation’s balance is the sum of its ledger entries', {
    of: 'obligations',
    broken: `select o.id from obligations o where o.org_id = $1 and o.balance_minor <> coalesce((select sum(e.balance_minor) from ledger_entries e
      where e.org_id = o.org_id and e.obligation_id = o.id), 0)`
  }),
  rule('invoices', 'an invoice’s total and balance are those of its obligations', {
    of: 'invoices',
    broken: `select i.id from invoices i where i.org_id = $1 and not exists (select from obligations o where o.org_id = i.org_id and o.invoice_id = i.id
      having sum(o.amount_minor) = i.total_minor and sum(o.balance_minor) = i.balance_minor)`
  }),
  rule('credit', 'a payment’s unapplied rest is the sum of its ledger entries', {
    of: 'payments',
    broken: `select p.id from payments p where p.org_id = $1 and p.unapplied_minor <> coalesce((select sum(e.unapplied_minor) from ledger_entries e
      where e.org_id = p.org_id and e.payment_id = p.id), 0)`
  }),
  rule('payments', 'allocations and the unapplied rest make up a settled payment', {
    of: 'payments',
    broken: `select p.id from payments p where p.org_id = $1 and p.status = 'settled' and p.amount_minor <> p.unapplied_minor - coalesce((select sum(e.balance_minor)
      from ledger_entries e where e.org_id = p.org_id and e.payment_id = p.id and e.kind <> 'write_off_recovered'), 0)`
  }),
  rule('entry_clients', 'a ledger entry is of the client of its obligation, or else of its payment', {
    of: 'ledger_entries',
    broken: `select e.id from ledger_entries e left join obligations o on o.org_id = e.org_id and o.id = e.obligation_id
      left join payments p on p.org_id = e.org_id and p.id = e.payment_id
      where e.org_id = $1 and e.client_id is distinct from coalesce(o.client_id, p.client_id)`
  }),
  rule('statements', 'a client’s ledger comes to what it owes and has', {
    of: 'clients',
    broken: `select distinct client_id as id from (
        select client_id, currency, sum(open) as open, sum(credit) as credit from (
          select client_id, currency, balance_minor as open, 0 as credit from ledger_entries where org_id = $1
          union all
          select p.client_id, e.currency, 0, e.unapplied_minor from ledger_entries e join payments p on p.org_id = e.org_id and p.id = e.payment_id
          where e.org_id = $1) m group by client_id, currency) l
      full join (
        select client_id, currency, sum(open) as open, sum(credit) as credit from (
          select client_id, currency, balance_minor as open, 0 as credit from obligations where org_id = $1
          union all
          select client_id, currency, 0, unapplied_minor from payments where org_id = $1) m group by client_id, currency) k
      using (client_id, currency)
      where (coalesce(l.open, 0), coalesce(l.credit, 0)) is distinct from (coalesce(k.open, 0), coalesce(k.credit, 0))`
  }),
  rule('credit_notes', 'an invoice’s credit notes are what its ledger entries took from it', {
    of: 'credit_notes',
    broken: `select coalesce(n.invoice_id, e.invoice_id) as id
      from (select invoice_id, sum(amount_minor) as amount from credit_notes where org_id = $1 group by invoice_id) n
      full join (select invoice_id, -sum(balance_minor) as amount from ledger_entries where org_id = $1 and kind = 'credit_note'
        group by invoice_id) e on e.invoice_id = n.invoice_id
      where n.amount is distinct from e.amount`
  }),
  rule('disputes', 'an open dispute holds its invoice, and one that ended does not', {
    of: 'disputes',
    broken: `select d.id from disputes d where d.org_id = $1 and (d.status = 'open') <> exists (select from holds h
      where h.org_id = d.org_id and h.origin_kind = 'dispute' and h.origin_id = d.id and h.released_at is null)`
  }),
  rule('pending', 'announced money holds nothing once it settled or failed', {
    of: 'payments',
    broken: `select p.id from payments p where p.org_id = $1 and p.status <> 'pending' and exists (select from holds h
      where h.org_id = p.org_id and h.origin_kind = 'payment' and h.origin_id = p.id and h.released_at is null)`
  }),
  rule('entries', 'a live stage entry stands once per obligation, cycle, stage and repetition', {
    of: 'stage_entries',
    broken: `select min(s.id::text) as id from stage_entries s where s.org_id = $1 and s.mistaken_at is null
      group by s.obligation_id, s.cycle, s.stage_code, s.repetition having count(*) > 1`
  }),
  rule('interactions', 'an interaction is about invoices and a stage entry of its own client', {
    of: 'interactions',
    broken: `select n.id from interactions n where n.org_id = $1 and (
      exists (select from interaction_invoices v join invoices i on i.org_id = v.org_id and i.id = v.invoice_id
        where v.org_id = n.org_id and v.interaction_id = n.id and i.client_id <> n.client_id)
      or exists (select from stage_entries s where s.org_id = n.org_id and s.id = n.dunning_entry_id and s.client_id <> n.client_id))`
  }),
  rule('queue', 'a queued delivery has its row in the queue and no other has', {
    of: 'webhook_deliveries',
    broken: `select d.id from webhook_deliveries d where d.org_id = $1 and (d.status = 'queued') <> exists (select from webhook_queue q
      where q.org_id = d.org_id and q.delivery_id = d.id)`
  }),
  rule('deliveries', 'a succeeded delivery has exactly one successful attempt', {
    of: 'webhook_deliveries',
    broken: `select d.id from webhook_deliveries d where d.org_id = $1 and (d.status = 'succeeded') <> (1 = (select count(*) from webhook_attempts a
      where a.org_id = d.org_id and a.delivery_id = d.id and a.succeeded))`
  })
]

type Sealed = { seq: bigint; id: string; type: string; bodySha256: string; chainHash: string; body: string | null }

const selectChain = statement<Sealed>(
  'check.chain',
  `select e.seq, e.id, e.type, e.body_sha256 as "bodySha256", e.chain_hash as "chainHash", b.body from events e
   left join event_bodies b on b.org_id = e.org_id and b.event_id = e.id where e.org_id = $1 and e.seq > $2 order by e.seq limit 5000`
)

/** Follows the chain from its start: no number is missing, each hash follows from the one before, each body is what was hashed. */
async function checkChain(reader: Reader): Promise<Check> {
  const broken: string[] = []
  let seq = 0n
  let hash = ''
  for (;;) {
    const rows = await reader.run(selectChain, [reader.orgId, seq])
    for (const event of rows) {
      const follows = event.seq === seq + 1n && event.chainHash === sha256(chainInput(hash, event))
      const isBody = event.body === null || sha256(event.body) === event.bodySha256
      if ((!follows || !isBody) && broken.length < SHOWN) broken.push(event.id)
      seq = event.seq
      hash = event.chainHash
    }
    if (rows.length === 0) return { name: 'the chain of events is whole', checked: Number(seq), broken }
  }
}

/** Holds one organization's books against the invariants. Reads only. */
export async function checkBooks(reader: Reader): Promise<Check[]> {
  const checks: Check[] = []
  for (const { name, statement: query } of rules) {
    const [row] = await reader.run(query, [reader.orgId])
    checks.push({ name, checked: Number(row?.checked ?? 0n), broken: row?.broken ?? [] })
  }
  return [...checks, await checkChain(reader)]
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
