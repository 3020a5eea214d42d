import { describe, expect, it } from 'vitest'
import { type NaivePolicy, type NaiveRow, type NaiveWorld, naiveDunning } from '../../support/naive-dunning.ts'

/** Every expectation in this file was worked out by hand with a calendar of 2025: 1 January was a Wednesday. */
const standard: NaivePolicy = {
  progression: 'jump',
  min_days_between: 3,
  min_balance: {},
  business_days: true,
  due_on_closed_day: 'as_is',
  stages: [
    { code: 'courtesy', offset_days: -3 },
    { code: 'reminder', offset_days: 3 },
    { code: 'second', offset_days: 10 },
    { code: 'final', offset_days: 24, grace_days: 10 },
    { code: 'handover', offset_days: 60 }
  ]
}

const world: NaiveWorld = { weekend: [6, 7], closedDays: [], from: '2025-01-01', to: '2025-06-30' }

function row(over: Partial<NaiveRow> = {}): NaiveRow {
  const usual = { client: 'C1', issuedOn: '2025-01-01', dueOn: '2025-01-31', amountMinor: 100_00n, currency: 'USD', payments: [] }
  return { invoice: 'A', ...usual, ...over }
}

function walk(rows: readonly NaiveRow[], policy: Partial<NaivePolicy> = {}, over: Partial<NaiveWorld> = {}): string[] {
  return naiveDunning(rows, { ...standard, ...policy }, { ...world, ...over }).entries.map(
    ({ invoice, stage, repetition, on, skipped }) => [invoice, on, stage, repetition, ...skipped].join(' ')
  )
}

describe('the naive walk through the standard policy', () => {
  it('enters every stage of an unpaid invoice on its day, moved off weekends', () => {
    // Due Friday 31 January. −3: Tuesday 28. +3: Monday 3 February. +10: Monday 10. +24: Monday 24. +60: Tuesday 1 April.
    expect(walk([row()])).toEqual([
      'A 2025-01-28 courtesy 1',
      'A 2025-02-03 reminder 1',
      'A 2025-02-10 second 1',
      'A 2025-02-24 final 1',
      'A 2025-04-01 handover 1'
    ])
  })

  it('moves a stage before the due date to the day before the weekend and the others behind it', () => {
    // Due Wednesday 5 February: −3 is Sunday 2, hence Friday 31 January; +3 is Saturday 8, hence Monday 10;
    // +10 is Saturday 15, hence Monday 17.
    expect(walk([row({ dueOn: '2025-02-05' })], {}, { to: '2025-02-20' })).toEqual([
      'A 2025-01-31 courtesy 1',
      'A 2025-02-10 reminder 1',
      'A 2025-02-17 second 1'
    ])
  })

  it('treats closed days like weekends', () => {
    expect(walk([row()], {}, { closedDays: ['2025-02-03', '2025-02-04'], to: '2025-02-09' })).toEqual([
      'A 2025-01-28 courtesy 1',
      'A 2025-02-05 reminder 1'
    ])
  })

  it('enters on closed days too where business days are off', () => {
    expect(walk([row({ dueOn: '2025-02-05' })], { business_days: false }, { to: '2025-02-15' })).toEqual([
      'A 2025-02-02 courtesy 1',
      'A 2025-02-08 reminder 1',
      'A 2025-02-15 second 1'
    ])
  })
})

describe('payments in the naive walk', () => {
  it('counts a payment before the sweep of its day', () => {
    expect(walk([row({ payments: [{ on: '2025-02-03', amountMinor: 100_00n }] })])).toEqual(['A 2025-01-28 courtesy 1'])
    expect(walk([row({ payments: [{ on: '2025-02-04', amountMinor: 100_00n }] })])).toEqual([
      'A 2025-01-28 courtesy 1',
      'A 2025-02-03 reminder 1'
    ])
  })

  it('goes on with what a part payment leaves, and stops at the minimum', () => {
    const payments = [{ on: '2025-02-04', amountMinor: 95_00n }]
    expect(walk([row({ payments })], {}, { to: '2025-02-28' })).toHaveLength(4)
    expect(walk([row({ payments })], { min_balance: { USD: '5.00' } }, { to: '2025-02-28' })).toHaveLength(2)
    expect(walk([row({ payments })], { min_balance: { USD: '4.99' } }, { to: '2025-02-28' })).toHaveLength(4)
  })

  it('uses what was paid too much for the next invoice of the client in that currency only', () => {
    const first = row({ payments: [{ on: '2025-01-10', amountMinor: 150_00n }] })
    const next = { issuedOn: '2025-01-15', dueOn: '2025-02-28', amountMinor: 50_00n }
    const march = { to: '2025-03-09' }
    expect(walk([first, row({ invoice: 'B', ...next })], {}, march)).toEqual([])
    expect(walk([first, row({ invoice: 'B', ...next, currency: 'EUR' })], {}, march)).toHaveLength(2)
    expect(walk([first, row({ invoice: 'B', ...next, client: 'C2' })], {}, march)).toHaveLength(2)
    expect(walk([first, row({ invoice: 'B', ...next, amountMinor: 50_01n })], {}, march)).toHaveLength(2)
  })

  it('uses what was paid too much for the oldest open invoice first', () => {
    const old = row({ invoice: 'B', dueOn: '2025-02-01', amountMinor: 30_00n })
    const young = row({ invoice: 'C', dueOn: '2025-02-14', amountMinor: 30_00n })
    const payer = row({ payments: [{ on: '2025-01-02', amountMinor: 130_00n }] })
    expect(walk([young, old, payer], {}, { to: '2025-02-12' })).toEqual(['C 2025-02-11 courtesy 1'])
  })
})

describe('catching up in the naive walk', () => {
  // Issued on Monday 3 March, 31 days after its due date: reminder, second and final are reached, the courtesy is out of date.
  const late = row({ issuedOn: '2025-03-03' })

  it('jumps to the reached stage once and lists those passed over', () => {
    // Grace of 10 days from 3 March is over long before +60, 1 April.
    expect(walk([late])).toEqual(['A 2025-03-03 final 1 reminder second', 'A 2025-04-01 handover 1'])
  })

  it('lists a stage before the due date as passed over only while it could still be entered', () => {
    const sameDay = [
      { code: 'early', offset_days: -2 },
      { code: 'eve', offset_days: -1 }
    ]
    expect(walk([row({ issuedOn: '2025-01-30' })], { stages: sameDay })).toEqual(['A 2025-01-30 eve 1 early'])
  })

  it('climbs one stage at a time in a sequential policy, never closer than the days between and the grace', () => {
    // 3 March Monday; +3 Thursday 6; +3 Sunday 9, hence Monday 10; grace 10 from there is Thursday 20, but +60 is 1 April.
    expect(walk([late], { progression: 'sequential' })).toEqual([
      'A 2025-03-03 reminder 1',
      'A 2025-03-06 second 1',
      'A 2025-03-10 final 1',
      'A 2025-04-01 handover 1'
    ])
    expect(walk([late], { progression: 'sequential', min_days_between: 0, business_days: false }).slice(0, 3)).toEqual([
      'A 2025-03-03 reminder 1',
      'A 2025-03-04 second 1',
      'A 2025-03-05 final 1'
    ])
  })

  it('holds the next stage back until the grace is over', () => {
    // Issued 28 March, Friday, 56 days late: final at once; +60 is 1 April, but the grace lasts to Monday 7 April.
    expect(walk([row({ issuedOn: '2025-03-28' })])).toEqual(['A 2025-03-28 final 1 reminder second', 'A 2025-04-07 handover 1'])
  })
})

describe('the rest of the naive rules', () => {
  it('keeps two stages off one day: the earlier is passed over, or the later waits', () => {
    const stages = [
      { code: 'one', offset_days: 1 },
      { code: 'two', offset_days: 2 }
    ]
    // Due Friday 31 January: both fall on the weekend and move to Monday 3 February.
    expect(walk([row()], { stages, min_days_between: 0 })).toEqual(['A 2025-02-03 two 1 one'])
    expect(walk([row()], { stages, min_days_between: 0, progression: 'sequential' })).toEqual([
      'A 2025-02-03 one 1',
      'A 2025-02-04 two 1'
    ])
  })

  it('puts a stage before the due date that its gate shuts on the next open day, and drops it after the due date', () => {
    const stages = [
      { code: 'early', offset_days: -4 },
      { code: 'eve', offset_days: -3 },
      { code: 'late', offset_days: 5 }
    ]
    // Due Sunday 9 February. Early is Wednesday 5; eve would be Thursday 6, its gate is Saturday 8, the next open day Monday 10.
    expect(walk([row({ dueOn: '2025-02-09' })], { stages })).toEqual(['A 2025-02-05 early 1', 'A 2025-02-14 late 1'])
    // Due Monday 10 February: early Thursday 6, eve gated to Sunday 9, hence Monday 10, still in time; late is Saturday 15 → 17.
    expect(walk([row({ dueOn: '2025-02-10' })], { stages })).toEqual([
      'A 2025-02-06 early 1',
      'A 2025-02-10 eve 1',
      'A 2025-02-17 late 1'
    ])
  })

  it('repeats the last stage in numbered entries until it is paid', () => {
    const stages = [{ code: 'only', offset_days: 3, repeat_every_days: 5 }]
    // Monday 3 February, Saturday 8 → Monday 10, Saturday 15 → Monday 17; paid on the 20th.
    expect(walk([row({ payments: [{ on: '2025-02-20', amountMinor: 100_00n }] })], { stages })).toEqual([
      'A 2025-02-03 only 1',
      'A 2025-02-10 only 2',
      'A 2025-02-17 only 3'
    ])
  })

  it('counts from the next open day where the due date itself moves', () => {
    // Due Saturday 1 February, moved to Monday 3: +3 is Thursday 6; overdue is Tuesday 4 and not Sunday 2.
    const policy = { ...standard, due_on_closed_day: 'next_open' } as const
    const result = naiveDunning([row({ dueOn: '2025-02-01' })], policy, { ...world, to: '2025-02-07' })
    expect(result.entries.map(({ stage, on }) => `${on} ${stage}`)).toEqual(['2025-01-31 courtesy', '2025-02-06 reminder'])
    expect(result.overdue).toEqual([{ invoice: 'A', on: '2025-02-04' }])
  })

  it('calls an invoice overdue once, on the day after the due date or at issue, closed day or not', () => {
    const result = naiveDunning([row(), row({ invoice: 'B', issuedOn: '2025-02-10' })], standard, world)
    expect(result.overdue).toEqual([
      { invoice: 'A', on: '2025-02-01' },
      { invoice: 'B', on: '2025-02-10' }
    ])
  })
})
