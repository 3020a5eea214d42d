import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runCommand, UsageError } from '../src/commands/command.ts'
import type { Bench, BenchContext, Progress, Result } from './bench.ts'
import { startServer } from './database.ts'
import { lineOf, machine, tableOf } from './report.ts'

const usage = `usage: npm run bench -- [get-invoice] [create-invoice] [sweep] [deliveries] [job-queues] [hanging-endpoint] [risk] [start] [flood] [large-client] [options]

  --only P1,P2   only what measures these targets
  --quick        less data, shorter rounds, two of them: whether it runs, not how fast
  --rounds N     rounds of floor and figure, 5 unless said
  --json         the lines as JSON instead of the table
`

/** In the order of the targets; each file is read when it runs. */
const files = [
  'get-invoice',
  'create-invoice',
  'sweep',
  'deliveries',
  'job-queues',
  'hanging-endpoint',
  'risk',
  'start',
  'flood',
  'large-client'
] as const

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false }
    }
  })
  const unknown = positionals.filter((name) => !(files as readonly string[]).includes(name))
  const rounds = Number(values.rounds ?? (values.quick ? 2 : 5))
  if (unknown.length > 0) throw new UsageError(`There is no bench ${unknown.join(', ')}.`)
  if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError(`--rounds ${values.rounds}: a whole number from 1.`)
  const only = values.only.split(',').filter((id) => id !== '')
  const benches = await benchesNamed(positionals, only)
  if (benches.length === 0) throw new UsageError(`No bench measures ${values.only}.`)
  const results = await runAll(benches, { rounds, isQuick: values.quick, progress: progressSince(performance.now()) })
  const lines = results.map(lineOf)
  const document = { at: new Date().toISOString(), rounds, isQuick: values.quick, machine: machine(), lines }
  await writeFile(fileURLToPath(new URL('latest.json', import.meta.url)), `${JSON.stringify(document, null, 2)}\n`)
  process.stdout.write(values.json ? `${JSON.stringify(document)}\n` : `\n${tableOf(lines)}\n`)
  return 0
}

async function benchesNamed(names: readonly string[], only: readonly string[]): Promise<Bench[]> {
  const benches: Bench[] = []
  for (const name of names.length > 0 ? files.filter((file) => names.includes(file)) : files) {
    const url = new URL(`${name}.ts`, import.meta.url)
    if (!existsSync(url)) continue
    const { bench } = (await import(url.href)) as { bench: Bench }
    const wanted = only.length === 0 || bench.ids.some((id) => only.some((asked) => id === asked || id.startsWith(`${asked} `)))
    if (wanted) benches.push(bench)
  }
  return benches
}

async function runAll(benches: readonly Bench[], how: Omit<BenchContext, 'server'>): Promise<Result[]> {
  const server = await startServer(how.progress.step)
  try {
    const results: Result[] = []
    for (const bench of benches) results.push(...(await bench.run({ ...how, server })))
    return results
  } finally {
    await server.stop()
  }
}

function progressSince(startedMs: number): Progress {
  return {
    step: (line) => {
      const seconds = Math.round((performance.now() - startedMs) / 1000)
      process.stderr.write(`${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}  ${line}\n`)
    }
  }
}

process.exitCode = await runCommand({ usage, run: main }, process.argv.slice(2), {})
