import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { dayIn } from '../kernel/day.ts'
import type { PolicyChange } from './books.ts'
import { type Host, startHost } from './host.ts'
import { type Ledger, LedgerFileError, openLedger } from './ledger.ts'
import { createProgress } from './progress.ts'
import { reportJson, reportText } from './report.ts'
import { type Demo, datedRows, daysOf, demoTimeline, runDemo } from './run.ts'
import { sampleLedger } from './sample-ledger.ts'
import { cast } from './story.ts'

export const usage = `Walks a ledger through dunning, day by day, and checks every webhook that comes of it.

usage: npm run demo -- [options]

  --ledger FILE             a CSV with client,invoice,issued_on,due_on,paid_on,amount,currency,disputed
                            and optionally client_name,locale,time_zone; without it a sample of about 1,000 invoices
  --seed N                  another sample (a whole number)
  --progression jump|sequential
                            enter the stage that the age says (jump), or one stage at a time
  --business-days on|off    whether stages wait for open days, Monday to Friday
  --json                    the report as JSON
  --record FILE             write what arrived, one JSON object a line
  --keep                    leave the service running afterwards, to look around; Ctrl-C ends it

It starts a PostgreSQL of its own, which is deleted at the end. The exit code is 0 if every webhook was verified and none was lost.
`

type Arguments = Readonly<{
  ledger: string | undefined
  seed: number
  policy: PolicyChange
  json: boolean
  record: string | undefined
  keep: boolean
}>

const DAY_MS = 86_400_000
const INTERRUPTED = 130

export async function run(argv: string[], _environment: NodeJS.ProcessEnv): Promise<number> {
  const wanted = argumentsFrom(argv)
  if (typeof wanted === 'string') {
    process.stderr.write(`${wanted}\n\n${usage}`)
    return 1
  }
  const interrupted = new AbortController()
  const onSignal = () => interrupted.abort()
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  try {
    return await demonstrate(wanted, interrupted.signal)
  } catch (error) {
    if (interrupted.signal.aborted) return INTERRUPTED
    if (!(error instanceof LedgerFileError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

async function demonstrate(wanted: Arguments, signal: AbortSignal): Promise<number> {
  const source = wanted.ledger ?? `the sample ledger (seed ${wanted.seed})`
  const ledger = await read(wanted)
  say(`Starting PostgreSQL and the service …`)
  const host = await startHost()
  try {
    say(`The service listens on ${host.url}; walking ${ledger.rows.length.toLocaleString('en-US')} invoices.`)
    const { report, walked } = await withProgress({ ledger, source, wanted, host, signal })
    if (wanted.record !== undefined)
      await writeFile(wanted.record, walked.events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    process.stdout.write(wanted.json ? reportJson(report) : reportText(report))
    if (wanted.keep) await stay(host, { key: walked.books.key, signal })
    await walked.close()
    return report.verdict.isSound ? 0 : 1
  } finally {
    await host.stop()
  }
}

type Showing = Readonly<{ ledger: Ledger; source: string; wanted: Arguments; host: Host; signal: AbortSignal }>

async function withProgress({ ledger, source, wanted, host, signal }: Showing): Promise<Demo> {
  const timeline = demoTimeline(ledger.rows)
  const nowMs = () => performance.now()
  const progress = createProgress({ label: 'Walking', total: daysOf(timeline), unit: 'days', out: process.stderr, nowMs })
  try {
    return await runDemo({
      ...{ host, ledger, source, signal, nowMs, policy: wanted.policy },
      // A ledger of one's own is walked as it is.
      cast: wanted.ledger === undefined ? cast : [],
      onProgress: ({ nowMs: atMs, invoices, payments, webhooks }) => {
        const count = (number: number) => number.toLocaleString('en-US')
        const remark = `${dayIn(new Date(atMs), timeline.timeZone)} · ${count(invoices)} invoices, ${count(payments)} payments, ${count(webhooks)} webhooks`
        progress.update(Math.floor((atMs - timeline.startAt.getTime()) / DAY_MS), remark)
      }
    })
  } finally {
    progress.finish()
  }
}

async function read({ ledger, seed }: Arguments): Promise<Ledger> {
  const read = datedRows(ledger === undefined ? { rows: sampleLedger({ seed }), problems: [] } : await openLedger(ledger))
  if (read.rows.length === 0) throw new LedgerFileError(`${ledger ?? 'The sample'} holds no invoice that can be read.`)
  return read
}

async function stay(host: Host, { key, signal }: { key: string; signal: AbortSignal }): Promise<void> {
  say(`The service is still there: ${host.url}/docs, key ${key}. Ctrl-C ends it.`)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

/** The arguments, or what is wrong with them. */
function argumentsFrom(argv: string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        ledger: { type: 'string' },
        seed: { type: 'string', default: '1' },
        progression: { type: 'string', default: 'jump' },
        'business-days': { type: 'string', default: 'on' },
        json: { type: 'boolean', default: false },
        record: { type: 'string' },
        keep: { type: 'boolean', default: false }
      }
    })
    const { ledger, seed, progression, 'business-days': businessDays, json, record, keep } = values
    if (!/^\d{1,9}$/.test(seed)) return `--seed ${seed}: a whole number from 0 to 999999999.`
    if (progression !== 'jump' && progression !== 'sequential') return `--progression ${progression}: jump or sequential.`
    if (businessDays !== 'on' && businessDays !== 'off') return `--business-days ${businessDays}: on or off.`
    return { ledger, seed: Number(seed), policy: { progression, businessDays: businessDays === 'on' }, json, record, keep }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Progress and hints are no part of the report, which alone goes to standard output. */
function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}
