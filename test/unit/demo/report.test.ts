import { describe, expect, it } from 'vitest'
import { agingOf, type OpenItem, type SettledItem, slowestPayers } from '../../../src/demo/figures.ts'
import { type DemoReport, problemsText, reportJson, reportText, verdictText } from '../../../src/demo/report.ts'
import { displayWidth } from '../../../src/demo/text.ts'
import { day } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'

const asOf = day('2025-06-30')

function item(dueOn: string, balanceMinor: bigint, code = 'USD'): OpenItem {
  return { dueOn: day(dueOn), currency: currency(code), balanceMinor }
}

function settled(client: string, dueOn: string, paidOn?: string): SettledItem {
  return { client, clientName: client, dueOn: day(dueOn), paidOn: paidOn === undefined ? undefined : day(paidOn) }
}

describe('receivables by age', () => {
  it('puts each open invoice into one age, due today not being overdue, and sums to the total', () => {
    const days = [
      '2025-07-15',
      '2025-06-30',
      '2025-06-29',
      '2025-05-31',
      '2025-05-30',
      '2025-05-01',
      '2025-04-30',
      '2025-04-01',
      '2025-03-31'
    ]
    const rows = agingOf([...days.map((dueOn, index) => item(dueOn, 10n ** BigInt(index))), item('2025-01-01', 0n)], asOf)
    expect(rows).toEqual([
      {
        currency: 'USD',
        invoices: 9,
        notDueMinor: 11n,
        to30Minor: 1_100n,
        to60Minor: 110_000n,
        to90Minor: 11_000_000n,
        over90Minor: 100_000_000n,
        totalMinor: 111_111_111n
      }
    ])
  })

  it('never adds up two currencies', () => {
    const rows = agingOf([item('2025-06-01', 5n, 'USD'), item('2025-06-01', 7n, 'JPY')], asOf)
    expect(rows.map((row) => [row.currency, row.totalMinor])).toEqual([
      ['JPY', 7n],
      ['USD', 5n]
    ])
  })
})

describe('the slowest payers', () => {
  it('are ranked by mean days late, open invoices with their days so far, early payment being no credit', () => {
    const payers = slowestPayers(
      [
        settled('late', '2025-05-01', '2025-05-11'),
        settled('late', '2025-06-01', '2025-06-21'),
        settled('late', '2025-06-10'),
        settled('early', '2025-05-01', '2025-04-01'),
        settled('early', '2025-05-01', '2025-05-04'),
        settled('early', '2025-05-01', '2025-05-01')
      ],
      { asOf }
    )
    expect(payers.map((payer) => [payer.client, payer.meanDaysLate, payer.paidLate, payer.openOverdue])).toEqual([
      ['late', 50 / 3, 2, 1],
      ['early', 1, 1, 0]
    ])
  })

  it('do not include who was late once, who never is, and what happened later', () => {
    const thrice = (client: string, dueOn: string, paidOn: string) => [1, 2, 3].map(() => settled(client, dueOn, paidOn))
    const payers = slowestPayers(
      [
        settled('once', '2025-01-01'),
        ...thrice('never', '2025-05-01', '2025-05-01'),
        ...thrice('later', '2025-06-29', '2025-12-01')
      ],
      { asOf }
    )
    expect(payers.map((payer) => [payer.client, payer.meanDaysLate, payer.openOverdue])).toEqual([['later', 1, 3]])
  })
})

const report: DemoReport = {
  ledger: {
    source: 'ledger.csv',
    rows: 2_466,
    clients: 100,
    problems: [
      { line: 7, problem: 'amount is missing.' },
      { line: 8, problem: 'amount is missing.' },
      { line: 12, problem: 'amount is missing.' },
      { line: 30, problem: 'currency "XX": unknown.' }
    ]
  },
  span: { firstOn: day('2025-01-01'), lastOn: day('2025-12-31'), days: 365, daysAfter: 60 },
  elapsedMs: 83_456,
  stages: [
    { stage: 'courtesy', entries: 1_200, skipped: 3 },
    { stage: 'final', entries: 40, skipped: 0 }
  ],
  webhooks: {
    delivered: 1_240,
    verified: 1_240,
    rejected: 0,
    duplicates: 1,
    byType: [{ type: 'invoice.dunning_stage_entered', count: 1_240 }]
  },
  story: [],
  verdict: {
    isSound: true,
    entriesListed: 1_240,
    entriesArrived: 1_240,
    missing: 0,
    extra: 0,
    delivered: 1_240,
    undelivered: [],
    verified: 1_240,
    rejected: 0
  },
  receivables: [
    { asOf, rows: agingOf([item('2025-05-15', 1_234_567_80n), item('2025-07-15', 5n), item('2025-07-15', 12n, 'KWD')], asOf) }
  ],
  slowestPayers: [
    { client: 'C1', clientName: 'استودیو پَرنیان', invoicesDue: 12, paidLate: 11, openOverdue: 1, meanDaysLate: 34.56 },
    { client: 'C2', clientName: 'C2', invoicesDue: 3, paidLate: 0, openOverdue: 3, meanDaysLate: 8 }
  ]
}

describe('the report for people', () => {
  const text = reportText(report)

  it('says what was walked, what could not be read, and every figure', () => {
    expect(text).toContain('2,466 invoices of 100 clients from ledger.csv\n2025-01-01 to 2025-12-31, 365 days,')
    expect(text).toContain('the last 60 after the last movement, in 1 min 23 s')
    expect(text).toContain('4 lines refused\n  amount is missing. 3 rows, lines 7–8, 12\n  line 30: currency "XX": unknown.')
    expect(text).toContain('1,240 delivered, 1,240 verified with standardwebhooks, 0 rejected, 1 duplicates')
    expect(text).toMatch(/^all +1,240 +3$/m)
    expect(text).toMatch(/^KWD +1 +0\.012 +0\.000/m)
    expect(text).toMatch(/^USD +2 +0\.05 +0\.00 +1,234,567\.80 +0\.00 +0\.00 +1,234,567\.85$/m)
    expect(text).toMatch(/^ +34\.6 +12 +11 +1 {2}C1 {6}استودیو پَرنیان$/m)
    expect(text).toMatch(/^ +8\.0 +3 +0 +3 {2}C2$/m)
  })

  it('ends with whether what arrived is what the API says, and with everything that is not so', () => {
    expect(text.trimEnd().split('\n').at(-1)).toBe(
      'All 1,240 webhooks were verified, none was lost; the 1,240 stage entries that arrived are those that the API lists.'
    )
    const verdict = {
      ...report.verdict,
      isSound: false,
      missing: 2,
      delivered: 1_239,
      undelivered: ['1 superseded'],
      rejected: 3
    }
    expect(verdictText(verdict)).toBe(
      'SOMETHING IS WRONG: of 2 stage entries no webhook came; deliveries 1 superseded; 3 requests were refused by the receiver; ' +
        '1,239 delivered and 1,240 verified.'
    )
  })

  it('keeps within a terminal of 120 columns', () => {
    expect(Math.max(...text.split('\n').map(displayWidth))).toBeLessThanOrEqual(120)
  })

  it('lists hundreds of refused lines without flooding the screen', () => {
    const problems = Array.from({ length: 549 }, (_, index) => ({ line: 2 + index * 60, problem: 'amount is missing.' }))
    const lines = problemsText(problems).split('\n')
    expect(lines[0]?.startsWith('  amount is missing. 549 rows, lines 2, 62, 122')).toBe(true)
    expect(lines.length).toBeLessThan(60)
    expect(problemsText(problems)).toContain(String(2 + 548 * 60))
  })

  it('stops at twenty kinds of problem', () => {
    const problems = Array.from({ length: 25 }, (_, index) => ({ line: index, problem: `reason ${index}` }))
    expect(problemsText(problems).split('\n')).toHaveLength(21)
    expect(problemsText(problems)).toContain('and 5 further kinds of problem: --json lists all')
  })
})

describe('the report for programs', () => {
  it('is JSON with decimal amounts and every refused line', () => {
    const document = JSON.parse(reportJson(report))
    expect(document).toMatchObject({
      ledger: { rows: 2_466, problems: [{ line: 7 }, { line: 8 }, { line: 12 }, { line: 30 }] },
      elapsed_ms: 83_456,
      stages: [{ stage: 'courtesy', entries: 1_200, skipped: 3 }, { stage: 'final' }],
      webhooks: { delivered: 1_240, verified: 1_240, by_type: [{ type: 'invoice.dunning_stage_entered', count: 1_240 }] },
      receivables: [
        {
          as_of: '2025-06-30',
          by_currency: [
            { currency: 'KWD', total: '0.012' },
            { currency: 'USD', days_31_60: '1234567.80' }
          ]
        }
      ],
      slowest_payers: [{ client: 'C1', mean_days_late: 34.6 }, { client: 'C2' }]
    })
  })
})
