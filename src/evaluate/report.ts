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

const SHOWN_PROBLEMS = 5

/** The report for people. Ends with a line break. */
export function reportText({ source, problems, elapsedMs, evaluation }: EvaluationReport): string {
  const { invoices, clients, firstOn, testedFrom, tested, levels, payDay } = evaluation
  return [
    `${count(invoices)} invoices of ${count(clients)} clients from ${printable(source)}, since ${dayFromEpochDay(firstOn)}`,
    `Tested on ${count(tested)} invoices that were issued from ${dayFromEpochDay(testedFrom)} and paid, in ${duration(elapsedMs)}`,
    ...problemLines(problems),
    ...levels.map(levelText),
    payDay === undefined ? '\nNothing was paid that was issued in the time of the test.' : payDayText(payDay),
    ''
  ].join('\n')
}

export function problemLines(problems: readonly LedgerProblem[]): string[] {
  if (problems.length === 0) return []
  const first = problems.slice(0, SHOWN_PROBLEMS).map(({ line, problem }) => `  line ${line}: ${printable(problem)}`)
  return [`${count(problems.length)} lines left out:`, ...first, ...(problems.length > SHOWN_PROBLEMS ? ['  …'] : [])]
}

function levelText({ level, lateShare, methods, deciles }: LevelResult): string {
  const right = (title: string) => ({ title, align: 'right' as const })
  const rows = methods.map(({ method, auc, prAuc, brier }) => [figure(auc, 3), figure(prAuc, 3), figure(brier, 4), method])
  return [
    `\nMore than ${level} days late: ${percent(lateShare)} of them`,
    tableText([right('AUC'), right('PR AUC'), right('Brier'), { title: 'method', align: 'left' }], rows),
    '',
    tableText([right('tenth'), right('invoices'), right('predicted'), right('late')], deciles.map(decileRow))
  ].join('\n')
}

function decileRow({ count: invoices, meanPredicted, lateRate }: Decile, index: number): string[] {
  return [String(index + 1), count(invoices), percent(meanPredicted), percent(lateRate)]
}

function payDayText({ maeDays, coverage, intervalDays }: PayDayResult): string {
  return [
    '\nExpected pay day',
    `  ${maeDays.toFixed(1)} days off in the mean`,
    `  ${percent(coverage)} paid within P10 to P90, where 80.0 % should be; ${intervalDays.toFixed(1)} days long in the mean`
  ].join('\n')
}

/** The same for programs, in `snake_case`; null is what cannot be said. Ends with a line break. */
export function reportJson({ source, problems, elapsedMs, evaluation }: EvaluationReport): string {
  const { model, invoices, clients, firstOn, testedFrom, tested, levels, payDay } = evaluation
  const document = {
    ledger: { source, invoices, clients, first_on: dayFromEpochDay(firstOn), problems },
    model,
    elapsed_ms: Math.round(elapsedMs),
    tested: { from_on: dayFromEpochDay(testedFrom), invoices: tested },
    levels: levels.map(({ level, lateShare, methods, deciles }) => ({
      level,
      late_share: lateShare,
      methods: methods.map(({ method, auc, prAuc, brier }) => {
        return { method, auc: auc ?? null, pr_auc: prAuc ?? null, brier: brier ?? null }
      }),
      deciles: deciles.map((decile) => {
        return { invoices: decile.count, predicted: decile.meanPredicted, late: decile.lateRate }
      })
    })),
    pay_day:
      payDay === undefined ? null : { mae_days: payDay.maeDays, coverage: payDay.coverage, interval_days: payDay.intervalDays }
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
