import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Every figure below was worked out by hand with a calendar of 2025: 1 January was a Wednesday. */
const ledger = `client,client_name,time_zone,invoice,issued_on,due_on,paid_on,amount,currency,disputed
ACME,Acme,Europe/London,A-1,2025-01-01,2025-01-31,2025-02-05,100.00,GBP,false
ACME,Acme,Europe/London,A-2,2025-01-02,2025-01-31,,50.00,GBP,false
TOKO,東京商事,Asia/Tokyo,T-1,2025-01-10,2025-01-20,2025-01-15,1000,JPY,false
TOKO,東京商事,Asia/Tokyo,T-2,2025-01-10,2025-01-20,2025-01-15,,JPY,false
TOKO,東京商事,Asia/Tokyo,T-3,2025-01-05,2025-01-04,2025-01-15,70,JPY,false
`

const RUN_MS = 180_000
const root = fileURLToPath(new URL('../..', import.meta.url))
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dunwell-demo-'))
  await writeFile(join(folder, 'ledger.csv'), ledger)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

type Ended = { code: number | null; out: string; err: string }

/** @param interruptAt what it says when it is sent SIGINT. */
function demo(argv: readonly string[], interruptAt?: string): Promise<Ended & { pid: number }> {
  const child = spawn(process.execPath, ['src/cli.ts', 'demo', ...argv], { cwd: root })
  const ended = { code: null, out: '', err: '', pid: child.pid ?? 0 }
  let interrupted = false
  child.stdout.on('data', (chunk: Buffer) => {
    ended.out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    ended.err += chunk.toString()
    if (interruptAt === undefined || interrupted || !ended.err.includes(interruptAt)) return
    interrupted = true
    child.kill('SIGINT')
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...ended, code })))
}

async function serversOf(pid: number): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`dunwell-postgres-${pid}-`))
}

describe('the demo', () => {
  it('walks a ledger file to the end, tells what it found, and names the refused lines', { timeout: RUN_MS }, async () => {
    const record = join(folder, 'arrived.ndjson')
    const { code, out, err, pid } = await demo(['--ledger', join(folder, 'ledger.csv'), '--json', '--record', record])
    expect(err).not.toContain('"level":')
    const report = JSON.parse(out)
    expect(report.ledger).toMatchObject({ rows: 3, clients: 2 })
    expect(report.ledger.problems).toEqual([
      { line: 5, problem: 'amount is missing.' },
      { line: 6, problem: 'refused by the service: /invoices/0/due_on: An invoice does not fall due before it is issued.' }
    ])
    expect(report.span).toMatchObject({ first_on: '2025-01-01', last_on: '2025-04-06', days_after: 60 })
    expect(report.stages.map(({ stage, entries }: { stage: string; entries: number }) => [stage, entries])).toEqual([
      ['courtesy', 2],
      ['reminder', 2],
      ['second', 1],
      ['final', 1],
      ['handover', 1]
    ])
    expect(report.receivables).toMatchObject([
      {
        as_of: '2025-01-10',
        by_currency: [
          { currency: 'GBP', not_due: '150.00' },
          { currency: 'JPY', not_due: '1000' }
        ]
      },
      { as_of: '2025-04-06', by_currency: [{ currency: 'GBP', total: '50.00', days_61_90: '50.00' }] }
    ])
    expect(report.verdict).toMatchObject({ is_sound: true, entries_listed: 7, entries_arrived: 7, undelivered: [] })
    const arrived = (await readFile(record, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(
      arrived.filter(({ invoice, stage }) => invoice === 'A-1' && stage !== null).map(({ on, stage }) => [on, stage])
    ).toEqual([
      ['2025-01-28', 'courtesy'],
      ['2025-02-03', 'reminder']
    ])
    expect(
      arrived
        .filter(({ type }) => type === 'invoice.overdue')
        .map(({ invoice, on }) => [invoice, on])
        .sort()
    ).toEqual([
      ['A-1', '2025-02-01'],
      ['A-2', '2025-02-01']
    ])
    expect(code).toBe(0)
    expect(await serversOf(pid)).toEqual([])
  })

  it('stops at Ctrl-C and leaves no database behind', { timeout: RUN_MS }, async () => {
    const { code, out, pid } = await demo([], 'walking')
    expect(code).toBe(130)
    expect(out).toBe('')
    expect(await serversOf(pid)).toEqual([])
  })

  it.each([
    [['--ledger', '/nowhere/ledger.csv'], '/nowhere/ledger.csv cannot be read (ENOENT).'],
    [['--progression', 'sideways'], '--progression sideways: jump or sequential.'],
    [['--business-days', 'maybe'], '--business-days maybe: on or off.'],
    [['--seed', '-1'], "'--seed'"],
    [['--quickly'], "'--quickly'"]
  ])('refuses %j before anything is started', async (argv, sentence) => {
    const { code, out, err } = await demo(argv)
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(sentence)
  })
})
