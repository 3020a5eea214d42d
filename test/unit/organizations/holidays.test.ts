import { describe, expect, it } from 'vitest'
import { addDays, type Day, day } from '../../../src/kernel/day.ts'
import { type HolidayPlace, holidayCheck } from '../../../src/modules/organizations/holidays.ts'

function holidaysBetween(place: HolidayPlace, { from, through }: { from: string; through: string }): Day[] {
  const isHoliday = holidayCheck(place)
  const found: Day[] = []
  for (let d = day(from); d <= through; d = addDays(d, 1)) if (isHoliday(d)) found.push(d)
  return found
}

describe('a public holiday', () => {
  it('of a region closes that region and no other', () => {
    const corpusChristi = day('2026-06-04')
    expect(holidayCheck({ country: 'DE', region: 'BY' })(corpusChristi)).toBe(true)
    expect(holidayCheck({ country: 'DE', region: 'DE-BY' })(corpusChristi)).toBe(true)
    expect(holidayCheck({ country: 'DE', region: 'BE' })(corpusChristi)).toBe(false)
    expect(holidayCheck({ country: 'DE' })(corpusChristi)).toBe(false)
    expect(holidayCheck({ country: 'DE', region: null })(day('2026-10-03'))).toBe(true)
  })

  it('of one city closes that city: Augsburg on the Peace Festival', () => {
    expect(holidayCheck({ country: 'DE', region: 'BY-A' })(day('2026-08-08'))).toBe(true)
    expect(holidayCheck({ country: 'DE', region: 'BY' })(day('2026-08-08'))).toBe(false)
  })

  it('moved to another day closes that day, in the year before too', () => {
    expect(holidaysBetween({ country: 'US' }, { from: '2021-12-20', through: '2022-01-05' })).toEqual([
      '2021-12-24',
      '2021-12-25',
      '2021-12-31',
      '2022-01-01'
    ])
  })

  it('of several days closes each, and not the afternoon before it', () => {
    expect(holidaysBetween({ country: 'TR' }, { from: '2027-05-10', through: '2027-05-25' })).toEqual([
      '2027-05-16',
      '2027-05-17',
      '2027-05-18',
      '2027-05-19'
    ])
  })

  it('that begins at noon leaves the day open', () => {
    expect(holidaysBetween({ country: 'IS' }, { from: '2026-12-20', through: '2026-12-31' })).toEqual([
      '2026-12-25',
      '2026-12-26'
    ])
  })

  it('is one by law: days that are merely observed, optional or for banks stay open', () => {
    expect(holidayCheck({ country: 'US' })(day('2026-02-14'))).toBe(false)
    expect(holidayCheck({ country: 'DE' })(day('2026-12-24'))).toBe(false)
  })

  it('is unknown outside the years 1900 to 2199, instead of searched for without end', () => {
    for (const country of ['CN', 'IL', 'IR', 'DE']) {
      const isHoliday = holidayCheck({ country })
      expect(['0001-01-01', '1899-12-25', '2200-12-25', '9999-12-25'].map((d) => isHoliday(day(d)))).toEqual([
        false,
        false,
        false,
        false
      ])
    }
  })

  it('is looked up once for all who share a place', () => {
    expect(holidayCheck({ country: 'PT' })).toBe(holidayCheck({ country: 'PT', region: null }))
  })
})

describe('a place nobody knows', () => {
  it.each(['ZZ', 'de', '', 'DEU', 'DE-BY', 'DE BY', 'constructor', '__proto__'])(
    'as country %j is refused, not taken for one without holidays',
    (country) => {
      expect(() => holidayCheck({ country })).toThrow(
        expect.objectContaining({ code: 'unknown_region', pointer: '/calendar/country' })
      )
    }
  )

  it.each([
    ['DE', 'XX'],
    ['DE', ''],
    ['DE', 'by'],
    ['DE', 'BY-XX'],
    ['DE', 'US-CA'],
    ['PT', 'constructor'],
    ['MC', 'MC']
  ])('as region of %s, %j, is refused', (country, region) => {
    expect(() => holidayCheck({ country, region })).toThrow(
      expect.objectContaining({ code: 'unknown_region', pointer: '/calendar/region' })
    )
  })
})
