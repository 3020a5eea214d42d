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
    ['all amounts are blank', ['C,1,2025-01-01,2025-01-31,2025-02-01,,EUR,false', 'C,2,2025-03-01,2025-03-31,2025-03-01,,USD,']]
  ])('runs where %s', async (_, lines) => {
    expect(await run([await ledgerOf(lines), '--json'], {})).toBe(0)
    expect(JSON.parse(output).ledger).toMatchObject({ invoices: lines.length, problems: [], left_out: 0 })
  })

  it('counts what was never paid as late once it is later than the level, and says how much is not decided yet', async () => {
    const first = Date.UTC(2024, 0, 1)
    const dayOf = (n: number) => new Date(first + n * 86_400_000).toISOString().slice(0, 10)
    const lines = Array.from({ length: 200 }, (_, n) => `C${n % 7},N${n},${dayOf(n)},${dayOf(n + 30)},,5,EUR,false`)
    expect(await run([await ledgerOf(lines), '--json'], {})).toBe(0)
    // Issued from day 120 on; the last day is 199: due before it are those issued before day 169, 30 days before it those before day 139.
    const { tested, levels, ledger } = JSON.parse(output)
    expect([ledger.last_on, tested.invoices]).toEqual([dayOf(199), 80])
    expect(levels).toMatchObject([
      { level: 0, decided: 49, undecided: 31, late_share: 1 },
      { level: 30, decided: 19, undecided: 61, late_share: 1 }
    ])
    output = ''
    expect(await run([await ledgerOf(lines), '--as-of', dayOf(400)], {})).toBe(0)
    expect(output).toContain('More than 30 days late: 100.0 % of 80')
    expect(output).not.toContain('Not decided')
  })

  it('says of nothing that is decided that nothing is, and until when', async () => {
    const lines = [1, 2, 3].map((n) => `C,${n},2025-01-01,2025-01-31,,5,EUR,false`)
    expect(await run([await ledgerOf(lines)], {})).toBe(0)
    expect(output).toContain('More than 0 days late: none of 0\nNot decided: 3, open and at most 0 days overdue on 2025-01-01')
    expect(await run([await ledgerOf(lines), '--as-of', '2024-12-31'], {})).toBe(1)
    expect(errors).toContain('--as-of 2024-12-31: the ledger goes on until 2025-01-01.')
  })

  it('reports a line whose days cannot be right, by its number and the rule, and scores the others', async () => {
    const lines = [
      'C,1,2025-01-01,2025-01-31,2025-02-01,5,EUR,false',
      'C,2,2025-01-01,2024-12-31,2025-02-01,5,EUR,false',
      'C,3,2025-01-01,2025-01-31,2024-12-31,5,EUR,false',
      'C,4,2025-01-01,2025-01-31,2125-02-01,5,EUR,false',
      'C,5,2125-01-01,2125-01-31,2125-02-01,5,EUR,false',
      'C,6,2005-01-01,2025-01-31,2005-02-01,5,EUR,false',
      'C,7,2005-01-01,2005-01-31,2025-02-01,5,EUR,false',
      'C,8,2025-13-01,2025-01-31,2025-02-01,5,EUR,false',
      'C,9,2025-01-01,2025-01-01,2025-01-01,5,EUR,false'
    ]
    const rules = [
      [3, 'due_on 2024-12-31 is before issued_on 2025-01-01.'],
      [4, 'paid_on 2024-12-31 is before issued_on 2025-01-01.'],
      [5, 'paid_on 2125-02-01 is after today'],
      [6, 'issued_on 2125-01-01 is after today'],
      [7, 'due_on 2025-01-31 is more than 3660 days after issued_on 2005-01-01.'],
      [8, 'paid_on 2025-02-01 is more than 3660 days after issued_on 2005-01-01.'],
      [9, 'issued_on']
    ] as const
    expect(await run([await ledgerOf(lines)], {})).toBe(0)
    expect(output).toContain('7 lines left out:')
    for (const [line, rule] of rules) expect(output).toContain(`  line ${line}: ${rule}`)
    output = ''
    expect(await run([await ledgerOf(lines), '--json'], {})).toBe(0)
    const { ledger } = JSON.parse(output)
    expect([ledger.invoices, ledger.left_out, ledger.last_on]).toEqual([2, 7, '2025-02-01'])
    expect(ledger.problems.map(({ line }: { line: number }) => line)).toEqual(rules.map(([line]) => line))
  })

  it('says why no line of a ledger can be read', async () => {
    expect(await run([await ledgerOf(['C,1,2025-02-30,2025-01-31,,5,EUR,false'])], {})).toBe(1)
    expect(errors).toMatch(/holds no invoice that can be scored\.\n1 line left out:\n {2}line 2: issued_on/)
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
      [['a.csv', '--as-of', 'today'], '--as-of today: a day, as 2026-06-30.'],
      [[join(folder, 'none.csv')], 'cannot be read (ENOENT)'],
      [[await ledgerOf([])], 'holds no invoice that can be scored.']
    ] as const) {
      errors = ''
      expect(await run([...argv], {})).toBe(1)
      expect(errors).toContain(sentence)
    }
    expect(output).toBe('')
  })
})
