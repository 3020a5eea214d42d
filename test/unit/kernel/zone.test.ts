import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill/full'
import { describe, expect, it } from 'vitest'
import { addDays, type Day, day, dayIn, instantOn, isTimeZone, startOfDay } from '../../../src/kernel/day.ts'

const zones = [
  'UTC',
  'Pacific/Pago_Pago',
  'Pacific/Kiritimati',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Norfolk',
  'Australia/Lord_Howe',
  'Asia/Tehran',
  'Asia/Kathmandu',
  'Asia/Tokyo',
  'Asia/Beirut',
  'Asia/Gaza',
  'Asia/Manila',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Africa/Monrovia',
  'Europe/Berlin',
  'Europe/Dublin',
  'Europe/Amsterdam',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'America/Havana',
  'America/Toronto',
  'America/Anchorage',
  'America/Nuuk',
  'Antarctica/Troll',
  'Etc/GMT+12'
]
const anyZone = fc.constantFrom(...zones)
const anyDay = fc.integer({ min: 0, max: 73_000 }).map((n) => addDays(day('1900-01-01'), n))
const anyTime = fc
  .integer({ min: 0, max: 1439 })
  .map((n) => `${String(Math.floor(n / 60)).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}`)
const at = (text: string) => new Date(text)
const onDay = (d: string, time: string, timeZone: string) => instantOn(d as Day, { time, timeZone }).toISOString()

/** Instants around every clock change of a zone in a stretch of years, where rules about zones go wrong. */
function clockChanges(timeZone: string, fromYear: number): number[] {
  const changes: number[] = []
  let next = Temporal.Instant.from(`${fromYear}-01-01T00:00:00Z`).toZonedDateTimeISO(timeZone).getTimeZoneTransition('next')
  while (next !== null && next.year < fromYear + 40) {
    changes.push(next.epochMilliseconds)
    next = next.getTimeZoneTransition('next')
  }
  return changes
}

function dayByTemporal(epochMs: number, timeZone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(timeZone).toPlainDate().toString()
}

describe('the day it is in a zone', () => {
  it('is a different one at either end of the world', () => {
    const instant = at('2026-11-21T10:30:00Z')
    expect(dayIn(instant, 'Pacific/Pago_Pago')).toBe('2026-11-20')
    expect(dayIn(instant, 'UTC')).toBe('2026-11-21')
    expect(dayIn(instant, 'Pacific/Kiritimati')).toBe('2026-11-22')
  })

  it('begins at midnight there, to the millisecond', () => {
    expect(dayIn(at('2026-11-21T10:59:59.999Z'), 'Pacific/Pago_Pago')).toBe('2026-11-20')
    expect(dayIn(at('2026-11-21T11:00:00.000Z'), 'Pacific/Pago_Pago')).toBe('2026-11-21')
    expect(dayIn(at('2026-11-21T09:59:59.999Z'), 'Pacific/Kiritimati')).toBe('2026-11-21')
    expect(dayIn(at('2026-11-21T10:00:00.000Z'), 'Pacific/Kiritimati')).toBe('2026-11-22')
  })

  it('went from the 29th to the 31st when Samoa crossed the date line', () => {
    expect(dayIn(at('2011-12-30T09:59:59.999Z'), 'Pacific/Apia')).toBe('2011-12-29')
    expect(dayIn(at('2011-12-30T10:00:00Z'), 'Pacific/Apia')).toBe('2011-12-31')
  })

  it('went back for an hour when Newfoundland set its clocks back across midnight', () => {
    const days = ['02:30:59', '02:31:00', '03:29:59', '03:30:00'].map((time) =>
      dayIn(at(`2006-10-29T${time}Z`), 'America/St_Johns')
    )
    expect(days).toEqual(['2006-10-29', '2006-10-28', '2006-10-28', '2006-10-29'])
  })

  it('agrees with Temporal at any instant and around every clock change', () => {
    fc.assert(
      fc.property(anyZone, fc.integer({ min: -2_208_988_800_000, max: 4_102_444_800_000 }), (timeZone, epochMs) => {
        expect(dayIn(new Date(epochMs), timeZone)).toBe(dayByTemporal(epochMs, timeZone))
      })
    )
    for (const timeZone of zones) {
      for (const change of clockChanges(timeZone, 1990)) {
        for (const offMs of [-3_600_001, -1, 0, 1, 3_599_999, 3_600_000]) {
          expect(dayIn(new Date(change + offMs), timeZone)).toBe(dayByTemporal(change + offMs, timeZone))
        }
      }
    }
  })

  it('stays right when more clock changes were asked for than are kept', () => {
    for (const year of [2000, 2160, 2000]) {
      for (let month = 0; month < 160 * 12; month += 6) {
        const epochMs = Date.UTC(year, month, 15, 22, 30)
        // Berlin is one hour ahead of UTC in January and two in July; only the latter takes 22:30 into the next day.
        const expected = new Date(epochMs + (month % 12 === 0 ? 1 : 2) * 3_600_000).toISOString().slice(0, 10)
        expect(dayIn(new Date(epochMs), 'Europe/Berlin')).toBe(expected)
      }
    }
  })

  it('of a stored zone that does not exist any more is that of UTC', () => {
    expect(dayIn(at('2026-11-21T23:59:59Z'), 'Mars/Phobos')).toBe('2026-11-21')
    expect(instantOn(day('2026-11-21'), { time: '09:00', timeZone: 'Mars/Phobos' })).toEqual(at('2026-11-21T09:00:00Z'))
  })

  it('is refused where the year has no four digits', () => {
    expect(() => dayIn(new Date(8.64e15), 'UTC')).toThrow(expect.objectContaining({ code: 'invalid_date' }))
    expect(() => dayIn(at('9999-12-31T12:00:00Z'), 'Pacific/Kiritimati')).toThrow(
      expect.objectContaining({ code: 'invalid_date' })
    )
    expect(dayIn(at('+010000-01-01T05:00:00Z'), 'Pacific/Pago_Pago')).toBe('9999-12-31')
    expect(() => dayIn(new Date(Number.NaN), 'UTC')).toThrow('valid Date')
  })
})

describe('the instant of a time on a day', () => {
  it('lies on that day, unless the clocks skip the time', () => {
    fc.assert(
      fc.property(anyZone, anyDay, anyTime, (timeZone, d, time) => {
        const instant = instantOn(d, { time, timeZone })
        const wanted = Temporal.PlainDate.from(d).toZonedDateTime({ timeZone, plainTime: time })
        expect(instant.getTime()).toBe(Math.floor(wanted.epochMilliseconds))
        expect(dayIn(instant, timeZone)).toBe(wanted.toPlainDate().toString())
      })
    )
  })

  it('moves forward where the clocks skip it', () => {
    expect(onDay('2026-03-29', '02:30', 'Europe/Berlin')).toBe('2026-03-29T01:30:00.000Z')
    expect(onDay('2018-11-04', '00:30', 'America/Sao_Paulo')).toBe('2018-11-04T03:30:00.000Z')
    expect(onDay('2011-12-30', '09:00', 'Pacific/Apia')).toBe('2011-12-30T19:00:00.000Z')
  })

  it('is the first of two where the clocks show it twice', () => {
    expect(onDay('2026-10-25', '02:30', 'Europe/Berlin')).toBe('2026-10-25T00:30:00.000Z')
    expect(onDay('2026-11-01', '00:30', 'America/Havana')).toBe('2026-11-01T04:30:00.000Z')
  })

  it('is as Temporal says around every clock change, and so is the start of the day', () => {
    for (const timeZone of zones) {
      for (const change of clockChanges(timeZone, 1990)) {
        for (const n of [-1, 0, 1]) {
          const d = addDays(dayIn(new Date(change), timeZone), n)
          const plain = Temporal.PlainDate.from(d)
          expect(startOfDay(d, timeZone).getTime()).toBe(plain.toZonedDateTime(timeZone).epochMilliseconds)
          for (const time of ['00:00', '00:01', '00:30', '01:30', '02:30', '23:30', '23:59']) {
            const wanted = plain.toZonedDateTime({ timeZone, plainTime: time }).epochMilliseconds
            expect(instantOn(d, { time, timeZone }).getTime(), `${d} ${time} ${timeZone}`).toBe(wanted)
          }
        }
      }
    }
  })

  it.each(['24:00', '9:00', '09:60', '09:00:00', '', '09-00'])('written %j is a bug', (time) => {
    expect(() => onDay('2026-11-21', time, 'UTC')).toThrow('not HH:MM')
  })
})

describe('the start of a day', () => {
  it('is the first instant that belongs to it', () => {
    fc.assert(
      fc.property(anyZone, anyDay, (timeZone, d) => {
        const start = startOfDay(d, timeZone)
        expect(start.getTime()).toBe(Math.floor(Temporal.PlainDate.from(d).toZonedDateTime(timeZone).epochMilliseconds))
      })
    )
  })

  it.each([
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
    ['2026-03-29', 'Asia/Beirut', '2026-03-28T22:00:00.000Z'],
    ['2026-04-24', 'Africa/Cairo', '2026-04-23T22:00:00.000Z']
  ])('%s in %s, whose midnight does not exist, is one o’clock', (d, timeZone, expected) => {
    const start = startOfDay(day(d), timeZone)
    expect(start.toISOString()).toBe(expected)
    expect(Temporal.Instant.fromEpochMilliseconds(start.getTime()).toZonedDateTimeISO(timeZone).hour).toBe(1)
    expect(dayIn(start, timeZone)).toBe(d)
    expect(dayIn(new Date(start.getTime() - 1), timeZone)).toBe(addDays(day(d), -1))
  })

  it('is half past midnight where the clocks skipped the hour around it', () => {
    expect(startOfDay(day('1919-03-31'), 'America/Toronto').toISOString()).toBe('1919-03-31T04:30:00.000Z')
  })

  it('that Samoa never had is the day after', () => {
    expect(startOfDay(day('2011-12-30'), 'Pacific/Apia')).toEqual(startOfDay(day('2011-12-31'), 'Pacific/Apia'))
  })
})

describe('a time zone', () => {
  it.each([
    'UTC',
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'Etc/GMT+5',
    'America/Port-au-Prince',
    'Asia/Calcutta',
    'Asia/Kolkata'
  ])('%s is known', (name) => {
    expect(isTimeZone(name)).toBe(true)
  })

  it.each([
    '+02:00',
    '-0500',
    '+02',
    'Z',
    '',
    'Mars/Phobos',
    'Europe',
    'Europe/Berlin ',
    'Europe/Berlin\n',
    'Europe/../Berlin',
    'GMT+2',
    '[UTC]',
    'é'
  ])('%j is refused, even after it was asked for a day', (name) => {
    expect(isTimeZone(name)).toBe(false)
    expect(dayIn(at('2026-11-21T00:00:00Z'), name)).toBe('2026-11-21')
    expect(isTimeZone(name)).toBe(false)
  })
})
