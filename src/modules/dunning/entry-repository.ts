import { column } from '../../db/arrays.ts'
import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { statement } from '../../db/statement.ts'
import type { Day } from '../../kernel/day.ts'
import type { NewEntry } from './entry.ts'
import type { LiveEntry } from './facts.ts'
import type { StageAction } from './policy.ts'

/** No code holds a control character, so this one can stand between them. */
const BETWEEN = '\u001f'

type LiveRow = Readonly<{
  id: string
  obligationId: string
  kind: 'entered' | 'baseline'
  stage: string
  repetition: number
  enteredAt: Date
  enteredOn: Day
  offsetDays: number
  graceDays: number
  policyId: string
  policyVersion: number
  calendarVersion: number
  action: StageAction | null
  toldAt: Date | null
}>

const selectLive = statement<LiveRow>(
  'stage_entries.live',
  `select e.id, e.obligation_id as "obligationId", e.kind, e.stage_code as stage, e.repetition, e.entered_at as "enteredAt",
     e.entered_on as "enteredOn", e.offset_days as "offsetDays", e.grace_days as "graceDays", e.policy_id as "policyId",
     e.policy_version as "policyVersion", e.calendar_version as "calendarVersion", e.action, e.told_at as "toldAt"
   from unnest($2::uuid[], $3::int[]) as wanted(obligation_id, cycle)
   join stage_entries e on e.org_id = $1 and e.obligation_id = wanted.obligation_id and e.cycle = wanted.cycle
   where e.mistaken_at is null order by e.entered_at, e.id`
)

const NO_ENTRIES: readonly LiveEntry[] = []

/** The live entries of each obligation's current cycle, oldest first. */
export async function live(
  reader: Reader,
  obligations: readonly Readonly<{ id: string; cycle: number }>[]
): Promise<(obligationId: string) => readonly LiveEntry[]> {
  const found = new Map<string, LiveEntry[]>()
  if (obligations.length > 0) {
    const parameters = [
      reader.orgId,
      column(
        'uuid',
        obligations.map(({ id }) => id)
      ),
      column(
        'int4',
        obligations.map(({ cycle }) => cycle)
      )
    ]
    for (const { policyId, policyVersion, ...row } of await reader.run(selectLive, parameters)) {
      const entry = { ...row, policy: { policyId, version: policyVersion } }
      const known = found.get(row.obligationId)
      if (known === undefined) found.set(row.obligationId, [entry])
      else known.push(entry)
    }
  }
  return (obligationId) => found.get(obligationId) ?? NO_ENTRIES
}

const insertEntries = setStatement(
  'stage_entries.insert',
  `insert into stage_entries (org_id, id, obligation_id, invoice_id, client_id, cycle, stage_code, repetition, kind, skipped, offset_days,
     grace_days, policy_id, policy_version, entered_on, days_overdue, balance_minor, action, calendar_version, entered_at, recorded_at, told_at, due_on)
   select $1, id, obligation_id, invoice_id, client_id, cycle, stage, repetition, $9, string_to_array(skipped, '${BETWEEN}'), offset_days,
     grace_days, policy_id, policy_version, entered_on, days_overdue, balance_minor, action, $17, $18, $19, case when is_told then $18::timestamptz end,
     due_on
   from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::text[], $8::int[], $10::text[], $11::int[], $12::int[],
     $13::uuid[], $14::int[], $15::date[], $16::int[], $20::bigint[], $21::text[], $22::boolean[], $23::date[])
     as t(id, obligation_id, invoice_id, client_id, cycle, stage, repetition, skipped, offset_days, grace_days, policy_id, policy_version,
       entered_on, days_overdue, balance_minor, action, is_told, due_on)`
)

export type EntriesMade = Readonly<{
  kind: 'entered' | 'baseline'
  calendarVersion: number
  /** The organization's time. */
  enteredAt: Date
  /** Real time. */
  recordedAt: Date
  /** Ids of those that a notice tells right now. */
  told: ReadonlySet<string>
}>

/** The unique key refuses an entry that was made already, and with it all that hangs on it. */
export async function insert(tx: Tx, entries: readonly NewEntry[], made: EntriesMade): Promise<void> {
  if (entries.length === 0) return
  const { statement: insertAll, of } = setOf(insertEntries, entries)
  await tx.run(insertAll, [
    tx.orgId,
    of('uuid', (entry) => entry.id),
    of('uuid', (entry) => entry.obligationId),
    of('uuid', (entry) => entry.invoiceId),
    of('uuid', (entry) => entry.clientId),
    of('int4', (entry) => entry.cycle),
    of('text', (entry) => entry.stage),
    of('int4', (entry) => entry.repetition),
    made.kind,
    of('text', (entry) => entry.skipped.join(BETWEEN)),
    of('int4', (entry) => entry.offsetDays),
    of('int4', (entry) => entry.graceDays),
    of('uuid', (entry) => entry.policy.policyId),
    of('int4', (entry) => entry.policy.version),
    of('date', (entry) => entry.enteredOn),
    of('int4', (entry) => entry.daysOverdue),
    made.calendarVersion,
    made.enteredAt,
    made.recordedAt,
    of('int8', (entry) => entry.balanceMinor),
    of('text', (entry) => entry.action),
    of('bool', (entry) => made.told.has(entry.id)),
    of('date', (entry) => entry.dueOn)
  ])
}

const markTold = statement<{ id: string }>(
  'stage_entries.mark_told',
  'update stage_entries set told_at = $3 where org_id = $1 and id = any($2::uuid[]) and told_at is null'
)

/** A notice told the client of them. */
export async function tell(tx: Tx, { ids, at }: { ids: readonly string[]; at: Date }): Promise<void> {
  if (ids.length > 0) await tx.run(markTold, [tx.orgId, ids, at])
}

const markMistaken = statement<{ id: string }>(
  'stage_entries.mark_mistaken',
  `update stage_entries set mistaken_at = $3, mistaken_reason = $4 where org_id = $1 and id = any($2::uuid[]) and mistaken_at is null`
)

/** They stay for the record and no longer count. */
export async function retract(tx: Tx, { ids, at, reason }: { ids: readonly string[]; at: Date; reason: string }): Promise<void> {
  await tx.run(markMistaken, [tx.orgId, ids, at, reason])
}
