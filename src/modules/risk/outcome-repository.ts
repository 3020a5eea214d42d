import type { Reader, Tx } from '../../db/client.ts'
import { setOf, setStatement } from '../../db/sets.ts'
import { type Statement, statement } from '../../db/statement.ts'
import { type Day, epochDayOf } from '../../kernel/day.ts'
import type { EpochDay } from './invoice-facts.ts'

/** The two levels at which weights follow outcomes. */
export type Side = 'late' | 'serious'

/** The offset and the features that an invoice had on the morning of its issue. */
export type Seen = Readonly<{ offset: number; x: readonly number[] }>

const writeFeatures = setStatement(
  'risk_claims.features',
  `update risk_claims c set late_features = t.late, serious_features = t.serious
   from unnest($2::uuid[], $3::bytea[], $4::bytea[]) as t(invoice_id, late, serious) where c.org_id = $1 and c.invoice_id = t.invoice_id`
)

export type Scored = Readonly<{ invoiceId: string }> & Readonly<Record<Side, Seen>>

export async function saveFeatures(tx: Tx, scored: readonly Scored[]): Promise<void> {
  if (scored.length === 0) return
  const { statement: write, of } = setOf(writeFeatures, scored)
  await tx.run(write, [
    tx.orgId,
    of('uuid', (one) => one.invoiceId),
    of('bytea', (one) => bytesOf([one.late.offset, ...one.late.x])),
    of('bytea', (one) => bytesOf([one.serious.offset, ...one.serious.x]))
  ])
}

/** An outcome in the order in which weights take it. */
export type Outcome = Seen & Readonly<{ knownOn: EpochDay; isLate: boolean }>

type OutcomeRow = { knownOn: Day; issuedOn: Day; number: string; features: Buffer; isLate: boolean }

const outcomesOf = (side: Side): Statement<OutcomeRow> =>
  statement<OutcomeRow>(
    `risk_claims.${side}_outcomes`,
    `select ${side}_known_on as "knownOn", issued_on as "issuedOn", number, ${side}_features as features,
       (settled_on is null or is_written_off or settled_on - due_on > $8) as "isLate"
     from risk_claims
     where org_id = $1 and ${side}_known_on > $2 and ${side}_known_on <= $3 and ${side}_features is not null
       and (${side}_known_on, issued_on, number collate "C") > ($4::date, $5::date, $6::text)
     order by ${side}_known_on, issued_on, number collate "C" limit $7`
  )
const selectOutcomes = { late: outcomesOf('late'), serious: outcomesOf('serious') }

const PAGE = 2_000

/** What became known after `from` and by the start of `through`, in order: known day, issue day, number. */
export async function* outcomesIn(
  reader: Reader,
  { side, level, from, through }: { side: Side; level: number; from: string; through: Day }
): AsyncGenerator<Outcome> {
  let last: readonly [string, string, string] = ['-infinity', '-infinity', '']
  for (;;) {
    const rows: OutcomeRow[] = await reader.run(selectOutcomes[side], [reader.orgId, from, through, ...last, PAGE, level])
    for (const { knownOn, features, isLate } of rows) {
      const [offset = 0, ...x] = doublesOf(features)
      yield { knownOn: epochDayOf(knownOn), offset, x, isLate }
    }
    const end = rows.at(-1)
    if (end === undefined || rows.length < PAGE) return
    last = [end.knownOn, end.issuedOn, end.number]
  }
}

export function bytesOf(values: ArrayLike<number>): Buffer {
  return Buffer.from(Float64Array.from(values).buffer)
}

export function doublesOf(bytes: Buffer): Float64Array {
  // A copy: the driver's buffer may begin anywhere, and doubles only at multiples of eight.
  return new Float64Array(Uint8Array.from(bytes).buffer)
}
