import type { Day } from '../kernel/day.ts'
import { formatAmount } from '../kernel/money.ts'
import type { Chapter } from './chronicle.ts'
import type { AgingRow, SlowPayer } from './figures.ts'
import type { Verdict } from './findings.ts'
import type { LedgerProblem } from './ledger.ts'
import { duration } from './progress.ts'
import { printable, tableText } from './text.ts'

export type StageCount = Readonly<{ stage: string; entries: number; skipped: number }>

/** What the demo found, as plain data. */
export type DemoReport = Readonly<{
  ledger: Readonly<{ source: string; rows: number; clients: number; problems: readonly LedgerProblem[] }>
  /** `daysAfter` of the days come after the last movement. */
  span: Readonly<{ firstOn: Day; lastOn: Day; days: number; daysAfter: number }>
  elapsedMs: number
  /** In the policy's order. */
  stages: readonly StageCount[]
  webhooks: Readonly<{
    /** Deliveries that the service counts as succeeded. */
    delivered: number
    /** Distinct events that the receiver verified. */
    verified: number
    rejected: number
    duplicates: number
    byType: readonly Readonly<{ type: string; count: number }>[]
  }>
  verdict: Verdict
  /** Clients who agreed on something, and what became of it. */
  story: readonly Chapter[]
  receivables: readonly Readonly<{ asOf: Day; rows: readonly AgingRow[] }>[]
  slowestPayers: readonly SlowPayer[]
}>

const MAX_PROBLEM_GROUPS = 20
const LINE_CHARACTERS = 100

/** The report for people: aligned tables, no colours, so that it can be redirected to a file. Ends with a line break. */
export function reportText(report: DemoReport): string {
  const { ledger, span, webhooks } = report
  const refused = ledger.problems.length
  return [
    `${counted(ledger.rows, 'invoice')} of ${counted(ledger.clients, 'client')} from ${printable(ledger.source)}`,
    `${span.firstOn} to ${span.lastOn}, ${number(span.days)} days, the last ${span.daysAfter} after the last movement, ` +
      `in ${duration(report.elapsedMs)}`,
    ...(refused === 0 ? [] : [`${counted(refused, 'line')} refused\n${problemsText(ledger.problems)}`]),
    section('Stage entries', stagesText(report.stages)),
    section('Webhooks', webhooksText(webhooks)),
    ...(report.story.length === 0 ? [] : [section('Agreements, as the webhooks told', storyText(report.story))]),
    ...report.receivables.map(({ asOf, rows }) => section(`Receivables by age, ${asOf}`, agingText(rows))),
    section('Slowest payers', payersText(report.slowestPayers)),
    `\n${verdictText(report.verdict)}`,
    ''
  ].join('\n')
}

/** The same report for programs: JSON with decimal strings for amounts, in the API's `snake_case`. Ends with a line break. */
export function reportJson(report: DemoReport): string {
  const { ledger, span, webhooks, verdict } = report
  const document = {
    ledger: { source: ledger.source, rows: ledger.rows, clients: ledger.clients, problems: ledger.problems },
    span: { first_on: span.firstOn, last_on: span.lastOn, days: span.days, days_after: span.daysAfter },
    elapsed_ms: Math.round(report.elapsedMs),
    stages: report.stages,
    webhooks: {
      delivered: webhooks.delivered,
      verified: webhooks.verified,
      rejected: webhooks.rejected,
      duplicates: webhooks.duplicates,
      by_type: webhooks.byType
    },
    verdict: {
      is_sound: verdict.isSound,
      entries_listed: verdict.entriesListed,
      entries_arrived: verdict.entriesArrived,
      missing: verdict.missing,
      extra: verdict.extra,
      undelivered: verdict.undelivered
    },
    story: report.story,
    receivables: report.receivables.map(({ asOf, rows }) => ({ as_of: asOf, by_currency: rows.map(agingJson) })),
    slowest_payers: report.slowestPayers.map((payer) => ({
      client: payer.client,
      name: payer.clientName,
      invoices_due: payer.invoicesDue,
      paid_late: payer.paidLate,
      open_overdue: payer.openOverdue,
      mean_days_late: Math.round(payer.meanDaysLate * 10) / 10
    }))
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** The refused rows, those with the same problem together: "amount is missing.: 3 rows, lines 4, 7–8". */
export function problemsText(problems: readonly LedgerProblem[]): string {
  const groups = Map.groupBy(problems, ({ problem }) => problem)
  const lines = [...groups].slice(0, MAX_PROBLEM_GROUPS).map(([problem, group]) => {
    const [first] = group
    if (group.length === 1 && first !== undefined) return `  line ${first.line}: ${printable(problem)}`
    return wrapped(`${printable(problem)} ${number(group.length)} rows, lines ${ranges(group.map(({ line }) => line))}`)
  })
  const left = groups.size - lines.length
  return [...lines, ...(left > 0 ? [`  and ${number(left)} further kinds of problem: --json lists all`] : [])].join('\n')
}

function stagesText(stages: readonly StageCount[]): string {
  const total = {
    stage: 'all',
    entries: stages.reduce((sum, { entries }) => sum + entries, 0),
    skipped: stages.reduce((sum, { skipped }) => sum + skipped, 0)
  }
  return tableText(
    [left('stage'), right('entered'), right('passed over')],
    [...stages, total].map(({ stage, entries, skipped }) => [stage, number(entries), number(skipped)])
  )
}

function webhooksText(webhooks: DemoReport['webhooks']): string {
  const byType = tableText(
    [left('event type'), right('verified')],
    webhooks.byType.map(({ type, count }) => [type, number(count)])
  )
  return (
    `${number(webhooks.delivered)} delivered, ${number(webhooks.verified)} verified with standardwebhooks, ` +
    `${number(webhooks.rejected)} rejected, ${number(webhooks.duplicates)} duplicates\n${byType}`
  )
}

function storyText(story: readonly Chapter[]): string {
  return story
    .map(({ client, title, lines }) =>
      [`  ${printable(client)} ${title}`, ...lines.map(({ on, text }) => `    ${on}  ${printable(text)}`)].join('\n')
    )
    .join('\n')
}

/** The last line: whether what arrived is what the API says. */
export function verdictText(verdict: Verdict): string {
  const { entriesListed, missing, extra, undelivered, verified, delivered, rejected } = verdict
  if (verdict.isSound) {
    return (
      `All ${number(delivered)} webhooks were verified, none was lost; the ${number(entriesListed)} stage entries that arrived ` +
      'are those that the API lists.'
    )
  }
  const wrongs = [
    ...(missing === 0 ? [] : [`of ${number(missing)} stage entries no webhook came`]),
    ...(extra === 0 ? [] : [`${number(extra)} webhooks told of entries that the API does not list`]),
    ...undelivered.map((count) => `deliveries ${count}`),
    ...(rejected === 0 ? [] : [`${number(rejected)} requests were refused by the receiver`]),
    ...(verified === delivered ? [] : [`${number(delivered)} delivered and ${number(verified)} verified`])
  ]
  return `SOMETHING IS WRONG: ${wrongs.join('; ')}.`
}

function agingText(rows: readonly AgingRow[]): string {
  if (rows.length === 0) return 'nothing is open'
  const titles = ['not due', '1–30', '31–60', '61–90', '> 90', 'total']
  return tableText(
    [left('currency'), right('invoices'), ...titles.map(right)],
    rows.map((row) => [
      row.currency,
      number(row.invoices),
      ...[row.notDueMinor, row.to30Minor, row.to60Minor, row.to90Minor, row.over90Minor, row.totalMinor].map((minor) =>
        grouped(formatAmount(minor, row.currency))
      )
    ])
  )
}

function agingJson(row: AgingRow) {
  const amount = (minor: bigint) => formatAmount(minor, row.currency)
  return {
    currency: row.currency,
    invoices: row.invoices,
    not_due: amount(row.notDueMinor),
    days_1_30: amount(row.to30Minor),
    days_31_60: amount(row.to60Minor),
    days_61_90: amount(row.to90Minor),
    days_over_90: amount(row.over90Minor),
    total: amount(row.totalMinor)
  }
}

function payersText(payers: readonly SlowPayer[]): string {
  if (payers.length === 0) return 'nobody is late'
  return tableText(
    [right('days late'), right('due'), right('paid late'), right('open overdue'), left('client'), left('name')],
    payers.map((payer) => [
      payer.meanDaysLate.toFixed(1),
      number(payer.invoicesDue),
      number(payer.paidLate),
      number(payer.openOverdue),
      payer.client,
      payer.clientName === payer.client ? '' : payer.clientName
    ])
  )
}

function section(title: string, body: string): string {
  return `\n${title}\n${body}`
}

function left(title: string) {
  return { title, align: 'left' } as const
}

function right(title: string) {
  return { title, align: 'right' } as const
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

function counted(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** "1234567.80" → "1,234,567.80". */
function grouped(amount: string): string {
  const [units = '', decimals] = amount.split('.')
  const spaced = units.replace(/\B(?=(\d{3})+$)/g, ',')
  return decimals === undefined ? spaced : `${spaced}.${decimals}`
}

/** Ascending numbers with runs drawn together: "4, 7–9". */
function ranges(numbers: readonly number[]): string {
  const runs: { from: number; to: number }[] = []
  for (const value of numbers) {
    const run = runs.at(-1)
    if (run !== undefined && value === run.to + 1) run.to = value
    else runs.push({ from: value, to: value })
  }
  return runs.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}

function wrapped(text: string): string {
  const lines: string[] = []
  let line = ' '
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > LINE_CHARACTERS) {
      lines.push(line)
      line = '   '
    }
    line += ` ${word}`
  }
  return [...lines, line].join('\n')
}
