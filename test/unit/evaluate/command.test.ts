import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sampleLedger } from '../../../src/demo/sample-ledger.ts'
import { run } from '../../../src/evaluate/command.ts'
import { formatAmount } from '../../../src/kernel/money.ts'

const header = 'client,invoice,issued_on,due_on,paid_on,amount,currency,disputed'
let folder = ''
let output = ''
let errors = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evaluate-'))
  output = ''
  errors = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    errors += String(text)
    return true
  })
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

async function ledgerOf(lines: readonly string[]): Promise<string> {
  const path = join(folder, 'ledger.csv')
  await writeFile(path, [header, ...lines].join('\n'))
  return path
}

function sampleLines(): string[] {
  return sampleLedger({ seed: 1 }).map(({ client, invoice, issuedOn, dueOn, amountMinor, currency, disputed, payments }) => {
    return [
      client,
      invoice,
      issuedOn,
      dueOn,
      payments.at(-1)?.on ?? '',
      formatAmount(amountMinor, currency),
      currency,
      disputed
    ].join()
  })
}

describe('evaluate', () => {
  it('reports on every method, with progress apart from the report and a plot', async () => {
    const plot = join(folder, 'plot.svg')
    expect(await run([await ledgerOf(sampleLines()), '--serious-days', '15', '--plot', plot], {})).toBe(0)
    for (const words of ['More than 0 days late', 'More than 15 days late', 'v2, following outcomes', 'v1, following outcomes'])
      expect(output).toContain(words)
    expect(errors).toContain('Scoring 100%')
    expect(await readFile(plot, 'utf8')).toMatch(/^<svg [\s\S]*more than 15 days late[\s\S]*<\/svg>\n$/)
  })

  it('reports the same to programs', async () => {
    expect(await run([await ledgerOf(sampleLines()), '--model', 'v1', '--json'], {})).toBe(0)
    const report = JSON.parse(output)
    expect(report).toMatchObject({ model: 'v1', ledger: { problems: [] }, levels: [{ level: 0 }, { level: 30 }] })
    expect(report.levels[0].methods[0].auc).toBeGreaterThan(0.8)
  })

  it.each([
    ['nothing was paid', ['C,1,2025-01-01,2025-01-31,,5,EUR,false']],
    ['one was paid before it was issued, and due before it was issued', ['C,1,2025-01-01,2024-01-31,2024-01-01,5,EUR,false']],
    ['all amounts are blank', ['C,1,2025-01-01,2025-01-31,2025-02-01,,EUR,false', 'C,2,2025-03-01,2025-03-31,2025-03-01,,USD,']]
  ])('runs where %s', async (_, lines) => {
    expect(await run([await ledgerOf(lines), '--json'], {})).toBe(0)
    expect(JSON.parse(output).ledger).toMatchObject({ invoices: lines.length, problems: [] })
  })

  it('says why no line of a ledger can be read', async () => {
    expect(await run([await ledgerOf(['C,1,2025-02-30,2025-01-31,,5,EUR,false'])], {})).toBe(1)
    expect(errors).toMatch(/holds no invoice that can be read\.\n1 lines left out:\n {2}line 2: issued_on/)
  })

  it('reports also where the plot cannot be written', async () => {
    expect(await run([await ledgerOf(sampleLines()), '--plot', join(folder, 'none', 'plot.svg')], {})).toBe(1)
    expect(output).toContain('More than 0 days late')
    expect(errors).toContain('The plot cannot be written: ENOENT')
  })

  it('refuses what it does not understand, in a sentence', async () => {
    for (const [argv, sentence] of [
      [[], 'Name one ledger.'],
      [['a.csv', '--serious-days', '120'], '--serious-days 120: a whole number from 1 to 119.'],
      [['a.csv', '--model', 'v9'], '--model v9: v1 or v2.'],
      [[join(folder, 'none.csv')], 'cannot be read (ENOENT)'],
      [[await ledgerOf([])], 'holds no invoice that can be read.']
    ] as const) {
      errors = ''
      expect(await run([...argv], {})).toBe(1)
      expect(errors).toContain(sentence)
    }
    expect(output).toBe('')
  })
})
