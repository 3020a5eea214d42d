import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openEveryDay } from '../../../src/kernel/calendar.ts'
import { addDays, type Day, day, dayIn, daysBetween, instantOn } from '../../../src/kernel/day.ts'
import { type Contact, type Manner, nextNoticeAt, strictest } from '../../../src/modules/dunning/contact.ts'
import { weekdays } from './builders.ts'

const timeZone = 'Europe/Berlin'
const at = (on: string, time = '09:00') => instantOn(day(on), { time, timeZone })
const told = (on: string, currency = 'EUR', time = '09:00'): Contact => ({ at: at(on, time), on: day(on), currency })
const manner = (more: Partial<Manner> = {}): Manner => ({ limits: null, sendAt: '09:00', businessDays: false, ...more })

function next(
  now: Date,
  contacts: readonly Contact[],
  how: Manner = manner(),
  { currency = 'EUR', calendar = openEveryDay } = {}
) {
  const found = nextNoticeAt({ now, timeZone, calendar, manner: how, currency, contacts })
  return found === now ? 'now' : found.toISOString()
}

describe('when a client may be told', () => {
  test('at once, where nothing was told before', () => {
    expect(next(at('2026-03-10'), [], manner({ limits: { minDays: 2, perWeek: 2 } }))).toBe('now')
  })

  test('once a day of a currency, and of another currency as well', () => {
    expect(next(at('2026-03-10', '15:00'), [told('2026-03-10')])).toBe('2026-03-11T08:00:00.000Z')
    expect(next(at('2026-03-10', '15:00'), [told('2026-03-10', 'USD')])).toBe('now')
  })

  test('min_days after the last contact, in whatever currency that was', () => {
    const limits = { minDays: 3, perWeek: 7 }
    expect(next(at('2026-03-12'), [told('2026-03-10', 'USD')], manner({ limits }))).toBe('2026-03-13T08:00:00.000Z')
    expect(next(at('2026-03-13'), [told('2026-03-10', 'USD')], manner({ limits }))).toBe('now')
  })

  test('per_week contacts in any seven days; what was told of two currencies at one instant is one', () => {
    const limits = { minDays: 0, perWeek: 2 }
    const both = [told('2026-03-09'), told('2026-03-09', 'USD')]
    expect(next(at('2026-03-11'), both, manner({ limits }))).toBe('now')
    expect(next(at('2026-03-11'), [...both, told('2026-03-10')], manner({ limits }))).toBe('2026-03-16T08:00:00.000Z')
  })

  test('of what is told at this very instant another currency is no other contact', () => {
    const limits = { minDays: 5, perWeek: 1 }
    expect(next(at('2026-03-10'), [told('2026-03-10', 'USD')], manner({ limits }))).toBe('now')
  })

  test('not before the time of the day, and on open days where the policy waits for them', () => {
    expect(next(at('2026-03-10', '07:00'), [], manner())).toBe('2026-03-10T08:00:00.000Z')
    const how = manner({ businessDays: true, limits: { minDays: 1, perWeek: 7 } })
    const calendar = weekdays
    expect(next(at('2026-03-13', '15:00'), [told('2026-03-13')], how, { calendar })).toBe('2026-03-16T08:00:00.000Z')
  })

  test('of several policies each rule is as strict as the strictest', () => {
    const first = manner({ limits: { minDays: 4, perWeek: 5 }, sendAt: '08:00' })
    const second = manner({ limits: { minDays: 1, perWeek: 2 }, sendAt: '10:00', businessDays: true })
    expect(strictest([first, second, manner()])).toEqual({
      limits: { minDays: 4, perWeek: 2 },
      sendAt: '10:00',
      businessDays: true
    })
    expect(strictest([manner()]).limits).toBeNull()
  })
})

test('whoever always waits as long as is said never breaks a limit', () => {
  const wishes = fc.array(fc.integer({ min: 0, max: 60 * 24 }), { minLength: 1, maxLength: 40 })
  const limits = fc.record({ minDays: fc.integer({ min: 0, max: 12 }), perWeek: fc.integer({ min: 1, max: 7 }) })
  fc.assert(
    fc.property(wishes, limits, fc.boolean(), (hours, limit, businessDays) => {
      const contacts: Contact[] = []
      const calendar = weekdays
      for (const hour of hours.toSorted((a, b) => a - b)) {
        let now = new Date(Date.UTC(2026, 0, 1, hour))
        const last = contacts.at(-1)?.at
        if (last !== undefined && last > now) now = last
        const how = manner({ limits: limit, businessDays })
        const goesAt = nextNoticeAt({ now, timeZone, calendar, manner: how, currency: 'EUR', contacts })
        const again = nextNoticeAt({ now: goesAt, timeZone, calendar, manner: how, currency: 'EUR', contacts })
        expect(again).toEqual(goesAt)
        contacts.push({ at: goesAt, on: dayIn(goesAt, timeZone), currency: 'EUR' })
      }
      holdsOn(contacts, { ...limit, isOpen: (on) => !businessDays || calendar.isOpen(on) })
    })
  )
})

function holdsOn(
  contacts: readonly Contact[],
  { minDays, perWeek, isOpen }: { minDays: number; perWeek: number; isOpen: (on: Day) => boolean }
) {
  contacts.forEach(({ on }, index) => {
    const before = contacts[index - 1]
    if (before !== undefined) expect(daysBetween(before.on, on)).toBeGreaterThanOrEqual(Math.max(1, minDays))
    expect(contacts.filter((other) => other.on > addDays(on, -7) && other.on <= on).length).toBeLessThanOrEqual(perWeek)
    expect(isOpen(on)).toBe(true)
  })
}
