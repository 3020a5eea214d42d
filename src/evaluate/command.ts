import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { LedgerFileError, openLedger } from '../demo/ledger.ts'
import { createProgress } from '../demo/progress.ts'
import { systemClock } from '../kernel/clock.ts'
import { type Day, dayFromEpochDay, dayIn, epochDayOf, isDay } from '../kernel/day.ts'
import { SERIOUS_DAYS } from '../modules/risk/levels.ts'
import { type ModelVersion, modelVersions } from '../modules/risk/model.ts'
import { type Evaluation, evaluate, lastDayOf } from './evaluation.ts'
import { replayedInvoices } from './invoices.ts'
import { plausibleRows } from './plausible.ts'
import { reliabilityPlot } from './plot.ts'
import { problemLines, reportJson, reportText } from './report.ts'

export const usage = `Scores a ledger forward in time, each invoice on the morning of its issue, and says how right that was.

usage: npm run evaluate -- LEDGER.csv [options]

  LEDGER.csv          client,invoice,issued_on,due_on,paid_on,amount,currency,disputed; a blank amount counts as 0
  --serious-days N    more days late than these are seriously late, 1 to 119 (${SERIOUS_DAYS})
  --model v1|v2       the model as specified, or with what was added since (v2)
  --as-of DAY         the day through which the ledger is complete (the last day on which it has an issue or a payment)
  --plot FILE         write a reliability plot as SVG
  --json              the report as JSON

The last 40 % of the invoices are the test. Nothing is trained beforehand. An invoice counts at a level if it was paid, or if it is more days
overdue than that on the ledger's last day; the report says how many are not decided. Lines whose days cannot be right (due or paid before
the issue, ten years after it, or after today) are left out and reported.
`

type Arguments = Readonly<{
  ledger: string
  seriousDays: number
  model: ModelVersion
  asOf: Day | undefined
  plot: string | undefined
  json: boolean
}>

export async function run(argv: string[], _environment: NodeJS.ProcessEnv): Promise<number> {
  const wanted = argumentsFrom(argv)
  if (typeof wanted === 'string') {
    process.stderr.write(`${wanted}\n\n${usage}`)
    return 1
  }
  try {
    const { text, levels } = await evaluated(wanted)
    process.stdout.write(text)
    if (wanted.plot !== undefined) await draw(wanted.plot, levels)
    return 0
  } catch (error) {
    if (!(error instanceof LedgerFileError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

/** After the report, which took a while and is worth having without it. */
async function draw(path: string, levels: Evaluation['levels']): Promise<void> {
  try {
    await writeFile(path, reliabilityPlot(levels))
  } catch (error) {
    throw new LedgerFileError(`The plot cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function evaluated({
  ledger,
  seriousDays,
  model,
  asOf,
  json
}: Arguments): Promise<{ text: string; levels: Evaluation['levels'] }> {
  const startedMs = performance.now()
  const read = await openLedger(ledger, { amounts: 'lenient' })
  const { rows, problems: implausible } = plausibleRows(read.rows, { today: dayIn(systemClock.now(), 'UTC') })
  const problems = [...read.problems, ...implausible].toSorted((a, b) => a.line - b.line)
  if (rows.length === 0) {
    throw new LedgerFileError([`${ledger} holds no invoice that can be scored.`, ...problemLines(problems)].join('\n'))
  }
  const invoices = replayedInvoices(rows)
  const lastOn = lastDayOf(invoices)
  if (asOf !== undefined && epochDayOf(asOf) < lastOn) {
    throw new LedgerFileError(
      `--as-of ${asOf}: the ledger goes on until ${dayFromEpochDay(lastOn)}. Name that day or a later one.`
    )
  }
  const nowMs = () => performance.now()
  const progress = createProgress({ label: 'Scoring', total: rows.length, unit: 'invoices', out: process.stderr, nowMs })
  const throughOn = asOf === undefined ? lastOn : epochDayOf(asOf)
  const evaluation = evaluate(invoices, { model, seriousDays, throughOn, onProgress: (done) => progress.update(done) })
  progress.finish()
  const report = { source: ledger, problems, elapsedMs: performance.now() - startedMs, evaluation }
  return { text: json ? reportJson(report) : reportText(report), levels: evaluation.levels }
}

/** The arguments, or what is wrong with them. */
function argumentsFrom(argv: string[]): Arguments | string {
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        'serious-days': { type: 'string', default: String(SERIOUS_DAYS) },
        model: { type: 'string', default: 'v2' },
        'as-of': { type: 'string' },
        plot: { type: 'string' },
        json: { type: 'boolean', default: false }
      }
    })
    const [ledger, ...more] = positionals
    const days = values['serious-days']
    const model = modelVersions.find((version) => version === values.model)
    if (ledger === undefined || more.length > 0) return 'Name one ledger.'
    if (!/^[1-9]\d{0,2}$/.test(days) || Number(days) > 119) return `--serious-days ${days}: a whole number from 1 to 119.`
    if (model === undefined) return `--model ${values.model}: ${modelVersions.join(' or ')}.`
    const asOf = values['as-of']
    if (asOf !== undefined && !isDay(asOf)) return `--as-of ${asOf}: a day, as 2026-06-30.`
    return { ledger, seriousDays: Number(days), model, asOf, plot: values.plot, json: values.json }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
