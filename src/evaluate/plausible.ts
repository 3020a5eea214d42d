import type { LedgerProblem, LedgerRow } from '../demo/ledger.ts'
import { type Day, daysBetween, maxDay } from '../kernel/day.ts'

/** Ten years: a due day or a payment further from the issue is a mistyped year. */
const DAYS_MAX = 3_660

/**
 * Separates the rows whose days cannot be what happened. One payment a century ahead would otherwise leave its invoice open for all of the
 * ledger, and a due day before the issue would make an invoice late before it exists.
 */
export function plausibleRows(
  rows: readonly LedgerRow[],
  { today }: { today: Day }
): { rows: LedgerRow[]; problems: LedgerProblem[] } {
  const problems: LedgerProblem[] = []
  const plausible = rows.filter((row) => {
    const problem = problemOf(row, today)
    if (problem !== undefined) problems.push({ line: row.line, problem })
    return problem === undefined
  })
  return { rows: plausible, problems }
}

function problemOf({ issuedOn, dueOn, payments }: LedgerRow, today: Day): string | undefined {
  const paidDays = payments.map(({ on }) => on)
  const early = paidDays.find((on) => on < issuedOn)
  const lastOn = maxDay(issuedOn, ...paidDays)
  if (dueOn < issuedOn) return `due_on ${dueOn} is before issued_on ${issuedOn}.`
  if (early !== undefined) return `paid_on ${early} is before issued_on ${issuedOn}.`
  if (lastOn > today)
    return `${issuedOn > today ? 'issued_on' : 'paid_on'} ${issuedOn > today ? issuedOn : lastOn} is after today, ${today}.`
  if (daysBetween(issuedOn, dueOn) > DAYS_MAX) return tooFar('due_on', dueOn, issuedOn)
  return daysBetween(issuedOn, lastOn) > DAYS_MAX ? tooFar('paid_on', lastOn, issuedOn) : undefined
}

function tooFar(field: string, on: Day, issuedOn: Day): string {
  return `${field} ${on} is more than ${DAYS_MAX} days after issued_on ${issuedOn}.`
}
