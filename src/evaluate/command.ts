import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { LedgerFileError, openLedger } from '../demo/ledger.ts'
import { createProgress } from '../demo/progress.ts'
import { SERIOUS_DAYS } from '../modules/risk/levels.ts'
import { type ModelVersion, modelVersions } from '../modules/risk/model.ts'
import { type Evaluation, evaluate } from './evaluation.ts'
import { replayedInvoices } from './invoices.ts'
import { reliabilityPlot } from './plot.ts'
import { problemLines, reportJson, reportText } from './report.ts'

export const usage = `Scores a ledger forward in time, each invoice on the morning of its issue, and says how right that was.

usage: npm run evaluate -- LEDGER.csv [options]

  LEDGER.csv          client,invoice,issued_on,due_on,paid_on,amount,currency,disputed; a blank amount counts as 0
  --serious-days N    more days late than these are seriously late, 1 to 119 (${SERIOUS_DAYS})
  --model v1|v2       the model as specified, or with what was added since (v2)
  --plot FILE         write a reliability plot as SVG
  --json              the report as JSON

The last 40 % of the invoices are the test. Nothing is trained beforehand.
`

type Arguments = Readonly<{
  ledger: string
  seriousDays: number
  model: ModelVersion
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
  json
}: Arguments): Promise<{ text: string; levels: Evaluation['levels'] }> {
  const startedMs = performance.now()
  const { rows, problems } = await openLedger(ledger, { amounts: 'lenient' })
  if (rows.length === 0) {
    throw new LedgerFileError([`${ledger} holds no invoice that can be read.`, ...problemLines(problems)].join('\n'))
  }
  const nowMs = () => performance.now()
  const progress = createProgress({ label: 'Scoring', total: rows.length, unit: 'invoices', out: process.stderr, nowMs })
  const evaluation = evaluate(replayedInvoices(rows), { model, seriousDays, onProgress: (done) => progress.update(done) })
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
    return { ledger, seriousDays: Number(days), model, plot: values.plot, json: values.json }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
