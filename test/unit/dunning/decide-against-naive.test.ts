import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type LedgerRow, openLedger } from '../../../src/demo/ledger.ts'
import { sampleLedger } from '../../../src/demo/sample-ledger.ts'
import { businessCalendar } from '../../../src/kernel/calendar.ts'
import { addDays, type Day, day } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'
import { policyFromJson } from '../../../src/modules/dunning/policy-document.ts'
import { type NaivePolicy, naiveDunning } from '../../support/naive-dunning.ts'
import { type Replay, type ReplayRow, receiptsOf, replay } from '../../support/replay-decide.ts'

const standardStages = [
  { code: 'courtesy', offset_days: -3 },
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24, grace_days: 10 },
  { code: 'handover', offset_days: 60 }
]

const standard: NaivePolicy = {
  progression: 'jump',
  min_days_between: 3,
  min_balance: {},
  business_days: true,
  due_on_closed_day: 'as_is',
  stages: standardStages
}

/** What tells a business apart in this test: its rows, its zone and the days on which it is closed. */
type Business = Readonly<{ rows: readonly ReplayRow[]; timeZone: string; weekend: readonly number[]; closedDays: readonly Day[] }>

function compare(business: Business, document: NaivePolicy, asked: Replay['asked']) {
  const { rows, timeZone, weekend, closedDays } = business
  const days = rows.flatMap((row) => [row.issuedOn, row.dueOn, ...row.payments.map((payment) => payment.on)]).sort()
  const from = days[0] ?? expect.fail('no rows')
  const to = addDays(days.at(-1) ?? from, 90)
  const found = naiveDunning(rows, document, { weekend, closedDays, from, to })
  const expected = [
    ...found.entries.map(({ invoice, on, stage, repetition, skipped }) => [invoice, on, stage, repetition, ...skipped].join(' ')),
    ...found.overdue.map(({ invoice, on }) => `${invoice} ${on} overdue`)
  ]
  const stages = document.stages.map((stage) => ({ ...stage, tone: 'firm' as const }))
  const policy = policyFromJson({ name: 'Compared', send_at: '09:00', ...document, stages })
  const calendar = businessCalendar({ version: 1, weekend, closedDays, isHoliday: () => false })
  const receipts = receiptsOf(rows)
  const setting = { ladder: { policy, calendar }, timeZone, to, asked }
  const decided = rows.flatMap((row) => replay(row, receipts.get(row.invoice) ?? [], setting))
  expect(decided.sort()).toEqual(expected.sort())
  return { entries: found.entries.length, overdue: found.overdue.length }
}

const variants = (['jump', 'sequential'] as const).flatMap((progression) =>
  [true, false].map((businessDays) => ({
    name: `${progression}, ${businessDays ? 'on business days' : 'on every day'}`,
    document: { ...standard, progression, business_days: businessDays }
  }))
)

/** An unusual ladder: stages around the due date that its shifts push together, a minimum, and an end that repeats. */
const crowded: NaivePolicy = {
  progression: 'jump',
  min_days_between: 2,
  min_balance: { USD: '100.00', KWD: '50.000', JPY: '10000' },
  business_days: true,
  due_on_closed_day: 'next_open',
  stages: [
    { code: 'early', offset_days: -4 },
    { code: 'eve', offset_days: -1, grace_days: 2 },
    { code: 'day', offset_days: 0 },
    { code: 'after', offset_days: 1, grace_days: 5 },
    { code: 'again', offset_days: 9, repeat_every_days: 7 }
  ]
}

describe('decide enters what the naive walk enters, every entry and no other: sample ledger', () => {
  const closedDays = ['2025-03-20', '2025-03-21', '2025-04-18', '2025-10-02', '2025-12-25', '2025-12-26', '2026-01-01'].map(day)
  const business: Business = { rows: sampleLedger(), timeZone: 'Europe/London', weekend: [6, 7], closedDays }

  it.each(variants)('$name', ({ document }) => {
    expect(compare(business, document, 'daily').entries).toBeGreaterThan(1_000)
    compare(business, document, 'when_due')
  })

  it.each(['jump', 'sequential'] as const)('a crowded ladder with a minimum and an end that repeats: %s', (progression) => {
    const document = { ...crowded, progression }
    expect(compare(business, document, 'daily').entries).toBeGreaterThan(1_000)
    compare({ ...business, weekend: [5, 6] }, document, 'when_due')
  })
})

const ledgers = fileURLToPath(new URL('../../../../shared/data/ledgers/', import.meta.url))
const here = existsSync(ledgers)
if (!here) console.log(`The real ledgers are not beside the repository (${ledgers}): the comparison on them is left out.`)

describe.runIf(here)('decide enters what the naive walk enters, every entry and no other: real ledgers', () => {
  const holidays = [
    '2012-12-25',
    '2013-01-01',
    '2013-12-25',
    '2018-12-25',
    '2019-01-01',
    '2019-03-04',
    '2019-12-25',
    '2020-01-01'
  ]
  const days = { weekend: [6, 7], closedDays: holidays.map(day) }
  let ibm: readonly LedgerRow[] = []
  let br: readonly LedgerRow[] = []

  beforeAll(async () => {
    ibm = (await openLedger(`${ledgers}ibm-ar.csv`)).rows
    br = (await openLedger(`${ledgers}br-ar-2018-2019.csv`)).rows
  })

  it.each(variants)('IBM, 2,466 invoices: $name', { timeout: 120_000 }, ({ document }) => {
    expect(compare({ rows: ibm, timeZone: 'America/New_York', ...days }, document, 'daily').entries).toBeGreaterThan(2_000)
  })

  it.each(variants)('BR, 36,113 invoices: $name', { timeout: 240_000 }, ({ document }) => {
    expect(compare({ rows: br, timeZone: 'America/Sao_Paulo', ...days }, document, 'when_due').entries).toBeGreaterThan(30_000)
  })
})

describe('decide enters what the naive walk enters, every entry and no other: any ladder', () => {
  const anyStages = fc
    .uniqueArray(fc.integer({ min: -12, max: 25 }), { minLength: 1, maxLength: 6 })
    .map((offsets) => offsets.sort((a, b) => a - b))
    .chain((offsets) =>
      fc
        .tuple(...offsets.map(() => fc.constantFrom(0, 0, 0, 2, 5, 11)), fc.option(fc.integer({ min: 1, max: 9 })))
        .map((drawn) => {
          const repeat = drawn.at(-1)
          return offsets.map((offset_days, index) => ({
            code: `s${index}`,
            offset_days,
            grace_days: drawn[index] ?? 0,
            ...(index === offsets.length - 1 && offset_days >= 0 && typeof repeat === 'number'
              ? { repeat_every_days: repeat }
              : {})
          }))
        })
    )
  const anyPolicy: fc.Arbitrary<NaivePolicy> = fc.record({
    progression: fc.constantFrom('jump', 'sequential'),
    min_days_between: fc.integer({ min: 0, max: 6 }),
    min_balance: fc.constantFrom({}, { USD: '5.00' }),
    business_days: fc.boolean(),
    due_on_closed_day: fc.constantFrom('as_is', 'next_open'),
    stages: anyStages
  })
  const firstOn = day('2025-01-01')
  const anyRow = fc
    .record({
      issue: fc.nat(20),
      terms: fc.integer({ min: -40, max: 25 }),
      first: fc.nat(60),
      second: fc.nat(60),
      parts: fc.nat(10),
      autopay: fc.option(fc.record({ failed: fc.option(fc.nat(60)) }))
    })
    .map(({ issue, terms, first, second, parts, autopay }, index = 0): ReplayRow => {
      const issuedOn = addDays(firstOn, issue)
      const firstMinor = BigInt(parts * 100)
      const failedOn = autopay === null || autopay.failed === null ? null : addDays(issuedOn, autopay.failed)
      return {
        line: index,
        client: 'C',
        clientName: 'C',
        locale: undefined,
        timeZone: undefined,
        invoice: 'A',
        issuedOn,
        dueOn: addDays(issuedOn, terms),
        amountMinor: 1_000n,
        currency: currency('USD'),
        disputed: false,
        payments: [
          { on: addDays(issuedOn, first), amountMinor: firstMinor },
          { on: addDays(issuedOn, first + second), amountMinor: 1_000n - firstMinor }
        ],
        ...(autopay !== null && { autopay: { failedOn } })
      }
    })
  const anyClosedDays = fc.uniqueArray(fc.nat(120), { maxLength: 30 }).map((days) => days.map((n) => addDays(firstOn, n)))
  const anyWeekend = fc.constantFrom([6, 7], [5, 6], [5], [], [2, 3, 4])
  const anyZone = fc.constantFrom('UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'America/Sao_Paulo', 'Asia/Tehran')

  it('and any closed days, issue, due and payment days, collected by autopay or not', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(
        fc.record({ document: anyPolicy, row: anyRow, closedDays: anyClosedDays, weekend: anyWeekend, timeZone: anyZone }),
        ({ document, row, closedDays, weekend, timeZone }) => {
          const business = { rows: [row], timeZone, weekend, closedDays }
          compare(business, document, 'daily')
          compare(business, document, 'when_due')
        }
      ),
      { numRuns: 1_000 }
    )
  })
})
