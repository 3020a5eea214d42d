import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runCommand, UsageError } from '../../src/commands/command.ts'
import { startHost } from '../../src/demo/host.ts'
import { type LedgerRow, openLedger } from '../../src/demo/ledger.ts'
import { createProgress, duration } from '../../src/demo/progress.ts'
import { sampleLedger } from '../../src/demo/sample-ledger.ts'
import { tableText } from '../../src/demo/text.ts'
import { checkLedger, type Outcome, type Spread, type Variant, variants } from '../support/ledger-check.ts'

const usage = `Walks ledgers through the service under several policies and holds what arrives at a webhook receiver against a second,
naive computation (test/support/naive-dunning.ts): every stage entry on its day, none missing, none extra.

usage: npm run check:ledgers -- [--ledger FILE]... [--only WORDS] [--spread every|one]

  --ledger FILE   may be given several times, sample for the sample ledger; without it the sample and what lies in
                  ../shared/data/ledgers
  --only WORDS    only the policies whose names hold these words, as in "standard, jump"
  --spread one    each client under one of the policies, in turn, instead of every invoice under every policy
`

/** Above this many invoices one walk under all policies would take an hour: two opposite ones are walked unless --only says other. */
const LARGE_LEDGER = 10_000
const largeVariants = ['standard, jump, business days on', 'standard, sequential, business days off']
const usual = ['ibm-ar.csv', 'br-ar-2018-2019.csv'].map((name) =>
  fileURLToPath(new URL(`../../../shared/data/ledgers/${name}`, import.meta.url))
)

async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      ledger: { type: 'string', multiple: true, default: ['sample', ...usual.filter((file) => existsSync(file))] },
      only: { type: 'string' },
      spread: { type: 'string', default: 'every' }
    }
  })
  const { only, spread } = values
  if (spread !== 'every' && spread !== 'one') throw new UsageError(`--spread ${spread}: every or one.`)
  let isRight = true
  for (const ledger of values.ledger) {
    const rows = ledger === 'sample' ? sampleLedger() : (await openLedger(ledger)).rows
    const fits = ({ name }: Variant) =>
      only === undefined ? rows.length <= LARGE_LEDGER || largeVariants.includes(name) : name.includes(only)
    const outcomes = await walked({ ledger, rows, spread, among: variants.filter(fits) })
    isRight &&= outcomes.length > 0 && outcomes.every(({ missing, extra }) => missing.length + extra.length === 0)
  }
  process.stdout.write(isRight ? '\nEverything arrived as computed.\n' : '\nTHERE ARE DIFFERENCES.\n')
  return isRight ? 0 : 1
}

type Walk = Readonly<{ ledger: string; rows: readonly LedgerRow[]; spread: Spread; among: readonly Variant[] }>

async function walked({ ledger, rows, spread, among }: Walk): Promise<Outcome[]> {
  const startedMs = performance.now()
  const label = basename(ledger)
  const progress = createProgress({ label, total: 1_000, unit: '‰', out: process.stderr, nowMs: () => performance.now() })
  const host = await startHost()
  try {
    const onProgress = (part: number, remark: string) => progress.update(Math.floor(part * 1_000), remark)
    const outcomes = await checkLedger({ host, rows, spread, among, onProgress })
    progress.finish()
    process.stdout.write(
      `\n${label}, ${rows.length} invoices, in ${duration(performance.now() - startedMs)}\n${textOf(outcomes)}\n`
    )
    return outcomes
  } finally {
    await host.stop()
  }
}

const SHOWN_DIFFERENCES = 20

function textOf(outcomes: readonly Outcome[]): string {
  const columns = ['invoices', 'entries', 'overdue', 'missing', 'extra'].map((title) => ({ title, align: 'right' as const }))
  const table = tableText(
    [{ title: 'policy', align: 'left' }, ...columns],
    outcomes.map(({ variant, invoices, entries, overdue, missing, extra }) => [
      variant,
      ...[invoices, entries, overdue, missing.length, extra.length].map(String)
    ])
  )
  const differences = outcomes.flatMap(({ variant, missing, extra }) => [
    ...missing.map((line) => `${variant}: missing ${line}`),
    ...extra.map((line) => `${variant}: extra ${line}`)
  ])
  return [table, ...differences.slice(0, SHOWN_DIFFERENCES)].join('\n')
}

process.exitCode = await runCommand({ usage, run: main }, process.argv.slice(2), {})
