import { describe, expect, it } from 'vitest'
import type { LedgerRow } from '../../../src/demo/ledger.ts'
import { datedRows } from '../../../src/demo/run.ts'
import { timelineOf } from '../../../src/demo/timeline.ts'
import { addDays, day } from '../../../src/kernel/day.ts'
import { currency } from '../../../src/kernel/money.ts'

function row(over: Partial<LedgerRow> = {}): LedgerRow {
  return {
    line: 2,
    client: 'C',
    clientName: 'C',
    locale: undefined,
    timeZone: undefined,
    invoice: 'A',
    issuedOn: day('2025-01-06'),
    dueOn: day('2025-02-06'),
    amountMinor: 100n,
    currency: currency('USD'),
    disputed: false,
    payments: [],
    ...over
  }
}

describe('a ledger laid out in time', () => {
  it('posts at 00:00 of the client, hours apart for the same day', () => {
    const east = row({ client: 'KI', invoice: 'B', timeZone: 'Pacific/Kiritimati' })
    const west = row({ client: 'PP', invoice: 'D', timeZone: 'Pacific/Pago_Pago' })
    const { stops, startAt, timeZone } = timelineOf([west, row({ invoice: 'C' }), row(), east], { daysAfter: 0 })
    expect(timeZone).toBe('UTC')
    expect(stops.map(({ at, invoices }) => [at.toISOString(), ...invoices.map(({ invoice }) => invoice)])).toEqual([
      ['2025-01-05T10:00:00.000Z', 'B'],
      ['2025-01-06T00:00:00.000Z', 'C', 'A'],
      ['2025-01-06T11:00:00.000Z', 'D']
    ])
    expect(startAt.toISOString()).toBe('2025-01-05T10:00:00.000Z')
  })

  it('ends when the last day is over in every zone', () => {
    const west = row({ client: 'PP', timeZone: 'Pacific/Pago_Pago', payments: [{ on: day('2025-03-01'), amountMinor: 100n }] })
    const { endAt, lastOn, issuedAt } = timelineOf([west, row({ invoice: 'B' }), row({ invoice: 'C' })], { daysAfter: 60 })
    expect(lastOn).toBe('2025-04-30')
    expect(endAt.toISOString()).toBe('2025-05-01T11:00:00.000Z')
    expect(issuedAt.toISOString()).toBe('2025-01-07T00:00:00.000Z')
  })

  it('follows clocks that change: the day on which Tehran skipped midnight begins at one', () => {
    const tehran = row({ timeZone: 'Asia/Tehran', issuedOn: day('2022-03-22') })
    expect(timelineOf([tehran], { daysAfter: 0 }).startAt.toISOString()).toBe('2022-03-21T20:30:00.000Z')
  })

  it('gives a client one zone, the first that its rows name', () => {
    const rows = [row(), row({ invoice: 'B', timeZone: 'Asia/Baku' }), row({ invoice: 'C', timeZone: 'Asia/Tehran' })]
    expect(timelineOf(rows, { daysAfter: 0 }).stops).toHaveLength(1)
  })

  it('posts no payment before its invoice is posted', () => {
    const early = row({ payments: [{ on: day('2025-01-01'), amountMinor: 30n }] })
    const late = row({ invoice: 'B', payments: [{ on: day('2025-02-01'), amountMinor: 30n }] })
    const imported = timelineOf([early, late], { daysAfter: 0, postedOn: ({ dueOn }) => addDays(dueOn, 5) })
    expect(
      imported.stops.map(({ at, invoices, receipts }) => [at.toISOString().slice(0, 10), invoices.length, receipts.length])
    ).toEqual([['2025-02-11', 2, 2]])
    expect(timelineOf([early], { daysAfter: 0 }).stops[0]?.receipts).toMatchObject([{ on: '2025-01-01', amountMinor: 30n }])
  })
})

describe('rows beyond the years of the books', () => {
  it('are refused by line, the others stay', () => {
    const rows = [row({ line: 4, dueOn: day('2200-01-01') }), row({ line: 3 }), row({ line: 2, issuedOn: day('1969-12-31') })]
    const dated = datedRows({ rows, problems: [{ line: 9, problem: 'x' }] })
    expect(dated.rows.map(({ line }) => line)).toEqual([3])
    expect(dated.problems.map(({ line }) => line)).toEqual([2, 4, 9])
  })
})
