import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDays, type Day, day, daysBetween, isDay, maxDay, weekdayOf } from '../../../src/kernel/day.ts'
import { DomainError } from '../../../src/kernel/errors.ts'

const firstDay = day('0001-01-01')
const lastDay = day('9999-12-31')
const anyDay = fc.integer({ min: 0, max: daysBetween(firstDay, lastDay) }).map((n) => addDays(firstDay, n))

describe('a day', () => {
  it.each(['2026-11-21', '2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31', '0099-12-31'])('%s exists', (text) => {
    expect(isDay(text)).toBe(true)
    expect(day(text)).toBe(text)
  })

  it.each([
    '2026-02-29',
    '1900-02-29',
    '2026-04-31',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
    '0000-01-01',
    '2026-1-1',
    '26-01-01',
    '2026/01/01',
    '20260101',
    '2026-01-01T00:00:00Z',
    ' 2026-01-01',
    '2026-01-01\n',
    '+002026-01-01',
    '-000001-01-01',
    '٢٠٢٦-٠١-٠١',
    '',
    'today'
  ])('%j is refused instead of being taken for another', (text) => {
    expect(isDay(text)).toBe(false)
    expect(() => day(text)).toThrow(DomainError)
    expect(() => day(text)).toThrow(expect.objectContaining({ code: 'invalid_date' }))
  })

  it('after any day is the one the Gregorian calendar has next', () => {
    let d = firstDay
    // Years 1 to 9 and a whole Gregorian cycle around now, against the platform's own calendar.
    for (const [from, days] of [
      ['0001-01-01', 3300],
      ['1890-01-01', 146_100]
    ] as const) {
      d = day(from)
      const expected = new Date(`${from}T00:00:00Z`)
      for (let n = 0; n < days; n += 1) {
        if (d !== expected.toISOString().slice(0, 10)) expect(d).toBe(expected.toISOString().slice(0, 10))
        d = addDays(d, 1)
        expected.setUTCDate(expected.getUTCDate() + 1)
      }
    }
  })

  it('moved by the distance to another day is that day', () => {
    fc.assert(
      fc.property(anyDay, anyDay, (from, to) => {
        const n = daysBetween(from, to)
        expect(addDays(from, n)).toBe(to)
        expect(addDays(to, -n)).toBe(from)
        expect(n > 0).toBe(to > from)
        expect(isDay(to)).toBe(true)
      })
    )
  })

  it('that no four-digit year holds is refused, not written', () => {
    for (const act of [
      () => addDays(lastDay, 1),
      () => addDays(firstDay, -1),
      () => addDays(firstDay, Number.MAX_SAFE_INTEGER)
    ]) {
      expect(act).toThrow(expect.objectContaining({ code: 'invalid_date' }))
    }
    expect(() => addDays(firstDay, 0.5)).toThrow('whole numbers')
    expect(() => addDays(firstDay, Number.NaN)).toThrow('whole numbers')
  })

  it('knows its weekday as ISO counts them', () => {
    expect(
      ['2026-11-21', '2026-11-22', '2026-11-23', '1970-01-01', '1969-12-31', '0001-01-01'].map((d) => weekdayOf(d as Day))
    ).toEqual([6, 7, 1, 4, 3, 1])
    fc.assert(
      fc.property(anyDay, (d) => {
        expect(weekdayOf(d)).toBe(new Date(`${d}T00:00:00Z`).getUTCDay() || 7)
      })
    )
  })

  it('is the latest when none given is later', () => {
    expect(maxDay(day('2026-01-31'))).toBe('2026-01-31')
    expect(maxDay(day('2026-01-31'), day('2025-12-31'), day('2026-02-01'))).toBe('2026-02-01')
  })
})
