import type { LedgerProblem } from '../demo/ledger.ts'
import { duration } from '../demo/progress.ts'
import { printable, tableText } from '../demo/text.ts'
import { dayFromEpochDay } from '../kernel/day.ts'
import type { Evaluation, LevelResult, PayDayResult } from './evaluation.ts'
import type { Decile } from './metrics.ts'

export type EvaluationReport = Readonly<{
  source: string
  problems: readonly LedgerProblem[]
  elapsedMs: number
  evaluation: Evaluation
}>

const SHOWN_PROBLEMS = 20

/** The report for people. Ends with a line break. */
export function reportText({ source, problems, elapsedMs, evaluation }: EvaluationReport): string {
  const { invoices, clients, firstOn, testedFrom, throughOn, tested, levels, payDay } = evaluation
  const [first, from, through] = [firstOn, testedFrom, throughOn].map(dayFromEpochDay)
  return [
    `${count(invoices)} invoices of ${count(clients)} clients from ${printable(source)}, ${first} to ${through}`,
    `The test: ${count(tested)} invoices issued from ${from}, in ${duration(elapsedMs)}`,
    ...problemLines(problems),
    ...levels.map((level) => levelText(level, through)),
    payDay === undefined ? '\nNothing was paid that was issued in the time of the test.' : payDayText(payDay),
    ''
  ].join('\n')
}

export function problemLines(problems: readonly LedgerProblem[]): string[] {
  if (problems.length === 0) return []
  const first = problems.slice(0, SHOWN_PROBLEMS).map(({ line, problem }) => `  line ${line}: ${printable(problem)}`)
  const more = problems.length - first.length
  return [
    `${count(problems.length)} ${problems.length === 1 ? 'line' : 'lines'} left out:`,
    ...first,
    ...(more > 0 ? [`  and ${count(more)} more; --json lists all`] : [])
  ]
}

function levelText({ level, tested, undecided, lateShare, methods, deciles }: LevelResult, through: string | undefined): string {
  const right = (title: string) => ({ title, align: 'right' as const })
  const rows = methods.map(({ method, auc, prAuc, brier }) => [figure(auc, 3), figure(prAuc, 3), figure(brier, 4), method])
  const title = `\nMore than ${level} days late: ${lateShare === undefined ? 'none' : percent(lateShare)} of ${count(tested)}`
  const open = `Not decided: ${count(undecided)}, open and at most ${level} days overdue on ${through}`
  if (tested === 0) return [title, open].join('\n')
  return [
    title,
    ...(undecided > 0 ? [open] : []),
    tableText([right('AUC'), right('PR AUC'), right('Brier'), { title: 'method', align: 'left' }], rows),
    '',
    tableText([right('tenth'), right('invoices'), right('predicted'), right('late')], deciles.map(decileRow))
  ].join('\n')
}

function decileRow({ count: invoices, meanPredicted, lateRate }: Decile, index: number): string[] {
  return [String(index + 1), count(invoices), percent(meanPredicted), percent(lateRate)]
}

function payDayText({ paid, maeDays, coverage, intervalDays }: PayDayResult): string {
  return [
    `\nExpected pay day, of ${count(paid)} that were paid`,
    `  ${maeDays.toFixed(1)} days off in the mean`,
    `  ${percent(coverage)} paid within P10 to P90, where 80.0 % should be; ${intervalDays.toFixed(1)} days long in the mean`
  ].join('\n')
}

/** The same for programs, in `snake_case`; null is what cannot be said. Ends with a line break. */
export function reportJson({ source, problems, elapsedMs, evaluation }: EvaluationReport): string {
  const { model, invoices, clients, firstOn, testedFrom, throughOn, tested, levels, payDay } = evaluation
  const [first, from, through] = [firstOn, testedFrom, throughOn].map(dayFromEpochDay)
  const document = {
    ledger: { source, invoices, clients, first_on: first, last_on: through, left_out: problems.length, problems },
    model,
    elapsed_ms: Math.round(elapsedMs),
    tested: { from_on: from, invoices: tested },
    levels: levels.map(({ level, tested: decided, undecided, lateShare, methods, deciles }) => ({
      level,
      decided,
      undecided,
      late_share: lateShare ?? null,
      methods: methods.map(({ method, auc, prAuc, brier }) => {
        return { method, auc: auc ?? null, pr_auc: prAuc ?? null, brier: brier ?? null }
      }),
      deciles: deciles.map((decile) => {
        return { invoices: decile.count, predicted: decile.meanPredicted, late: decile.lateRate }
      })
    })),
    pay_day:
      payDay === undefined
        ? null
        : { paid: payDay.paid, mae_days: payDay.maeDays, coverage: payDay.coverage, interval_days: payDay.intervalDays }
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function figure(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : value.toFixed(digits)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
