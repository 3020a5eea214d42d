/** A table that a migration locks against others, by its name or by that of one of its indexes. */
export type TableLock = Readonly<{ relation: string; mode: 'access exclusive' | 'share row exclusive' }>

/** In the order in which transactions come to them: names, clients, what they owe, what pays it, what is agreed, what is told. */
const ORDER = [
  'organizations',
  'external_refs',
  'pending_writes',
  'clients',
  'invoices',
  'obligations',
  'payments',
  'ledger_entries',
  'payment_plans',
  'promises',
  'holds',
  'disputes',
  'stage_entries',
  'deadlines',
  'event_chains',
  'events',
  'webhook_endpoint_health',
  'webhook_endpoints',
  'webhook_queue',
  'webhook_attempts',
  'webhook_deliveries',
  'webhook_endpoint_successes'
]

const name = '(?:"?public"?\\.)?"?(\\w+)"?'
const any = '"?\\w+"?'
const exclusive = [
  `\\balter\\s+table\\s+(?:if\\s+exists\\s+)?(?:only\\s+)?${name}(?!\\s+validate\\s+constraint)\\s`,
  `\\bdrop\\s+(?:table|index)\\s+(?:if\\s+exists\\s+)?${name}`,
  `\\b(?:create|alter|drop)\\s+policy\\s+(?:if\\s+exists\\s+)?${any}\\s+on\\s+${name}`,
  `\\bdrop\\s+trigger\\s+(?:if\\s+exists\\s+)?${any}\\s+on\\s+${name}`
]
const shared = [
  `\\breferences\\s+${name}`,
  `\\bcreate\\s+(?:unique\\s+)?index\\s+(?:if\\s+not\\s+exists\\s+)?${any}\\s+on\\s+(?:only\\s+)?${name}`,
  `\\bcreate\\s+(?:or\\s+replace\\s+)?(?:constraint\\s+)?trigger\\s[^;]*?\\son\\s+${name}`
]

/**
 * What a migration locks, in the order in which everybody else locks it, so that a migration can take all of it before it changes
 * anything: taken statement by statement, the locks of two tables deadlock with a transaction that holds the one and wants the other.
 */
export function locksOf(sql: string): TableLock[] {
  const bare = sql.replaceAll(/--.*$/gm, '').replaceAll(/\$(\w*)\$.*?\$\1\$/gs, '')
  const named = (patterns: readonly string[]) =>
    patterns.flatMap((pattern) => [...bare.matchAll(new RegExp(pattern, 'gi'))].map((match) => match[1] ?? ''))
  const modes = new Map<string, TableLock['mode']>()
  for (const relation of named(shared)) modes.set(relation, 'share row exclusive')
  for (const relation of named(exclusive)) modes.set(relation, 'access exclusive')
  return [...modes].map(([relation, mode]) => ({ relation, mode }))
}

/** Tables in the order of the transactions that use them; what none of these is comes last. */
export function inLockOrder(tables: readonly string[]): string[] {
  const place = (table: string) => (ORDER.includes(table) ? ORDER.indexOf(table) : ORDER.length)
  return tables.toSorted((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
}
