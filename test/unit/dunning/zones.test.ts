import { describe, expect, it } from 'vitest'
import { openEveryDay } from '../../../src/kernel/calendar.ts'
import { addDays, day, startOfDay } from '../../../src/kernel/day.ts'
import { decide } from '../../../src/modules/dunning/decide.ts'
import { at, closedOn, factsOf, policyOf, stage } from './builders.ts'

const policy = policyOf([stage('first', 1)])

/** From UTC−11 to UTC+14; the sign in `Etc/GMT` is the other way round. */
const offsets = Array.from({ length: 26 }, (_, index) => index - 11)

describe('due today is not overdue, and the next local day is', () => {
  it.each(offsets)('at UTC%i', (hours) => {
    const timeZone = hours === 0 ? 'UTC' : `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`
    const facts = factsOf('2026-06-30', { timeZone })
    const midnight = Date.UTC(2026, 6, 1) - hours * 3_600_000
    const last = decide(facts, { policy, calendar: openEveryDay, asOf: new Date(midnight - 1) })
    const first = decide(facts, { policy, calendar: openEveryDay, asOf: new Date(midnight) })
    expect(last).toMatchObject({ overdue: false, daysOverdue: 0, nextAt: new Date(midnight) })
    expect(first).toMatchObject({ overdue: true, daysOverdue: 1, nextAt: new Date(midnight + 9 * 3_600_000) })
  })

  const changes: [timeZone: string, dueOn: string, overdueAt: string, sendAt: string][] = [
    ['Europe/Berlin', '2026-03-28', '2026-03-28T23:00:00Z', '2026-03-29T07:00:00Z'],
    ['Europe/Berlin', '2026-03-29', '2026-03-29T22:00:00Z', '2026-03-30T07:00:00Z'],
    ['Europe/Berlin', '2026-10-24', '2026-10-24T22:00:00Z', '2026-10-25T08:00:00Z'],
    ['America/New_York', '2026-03-07', '2026-03-08T05:00:00Z', '2026-03-08T13:00:00Z'],
    ['America/New_York', '2026-11-01', '2026-11-02T05:00:00Z', '2026-11-02T14:00:00Z'],
    // Cairo has no midnight on that day: it starts at one.
    ['Africa/Cairo', '2026-04-23', '2026-04-23T22:00:00Z', '2026-04-24T06:00:00Z']
  ]
  it.each(changes)('across the change of clocks: %s, due %s', (timeZone, dueOn, overdueAt, sendAt) => {
    const facts = factsOf(dueOn, { timeZone })
    const before = decide(facts, { policy, calendar: openEveryDay, asOf: new Date(Date.parse(overdueAt) - 1) })
    const then = decide(facts, { policy, calendar: openEveryDay, asOf: new Date(overdueAt) })
    expect(before).toMatchObject({ overdue: false, daysOverdue: 0, nextAt: new Date(overdueAt) })
    expect(then).toMatchObject({ overdue: true, daysOverdue: 1, nextAt: new Date(sendAt) })
  })
})

describe('the time of sending', () => {
  const at0230 = { ...policy, sendAt: '02:30' }

  it('moves forward where the clocks skip it', () => {
    const facts = factsOf('2026-03-28', { timeZone: 'Europe/Berlin', overdueAnnounced: true })
    const context = (iso: string) => ({ policy: at0230, calendar: openEveryDay, asOf: new Date(iso) })
    expect(decide(facts, context('2026-03-29T01:29:59Z')).effect.kind).toBe('stay')
    expect(decide(facts, context('2026-03-29T01:30:00Z')).effect).toMatchObject({ kind: 'enter', enteredOn: '2026-03-29' })
  })

  it('is the earlier one where it comes twice, and the second makes no second entry', () => {
    const facts = factsOf('2026-10-24', { timeZone: 'Europe/Berlin', overdueAnnounced: true })
    const decision = decide(facts, { policy: at0230, calendar: openEveryDay, asOf: new Date('2026-10-25T00:30:00Z') })
    expect(decision).toMatchObject({ effect: { kind: 'enter', enteredOn: '2026-10-25' }, nextAt: null })
  })

  it('waits for the next day where the clocks skip it and with it the rest of the day', () => {
    // Nuuk goes from 23:00 on the 30th to midnight.
    const late = { ...policy, sendAt: '23:30' }
    const facts = factsOf('2024-03-29', { timeZone: 'America/Nuuk', overdueAnnounced: true })
    const decision = decide(facts, { policy: late, calendar: openEveryDay, asOf: startOfDay(day('2024-03-30'), 'America/Nuuk') })
    expect(decision.nextAt).toEqual(at('2024-03-31', '23:30', 'America/Nuuk'))
    expect(decide(facts, { policy: late, calendar: openEveryDay, asOf: decision.nextAt ?? new Date(0) }).effect.kind).toBe(
      'enter'
    )
  })

  it('waits for an open day where a zone leaves a whole day out', () => {
    // Samoa had no 30 December 2011; the 31st was a Saturday.
    const facts = factsOf('2011-12-29', { timeZone: 'Pacific/Apia', overdueAnnounced: true })
    const decision = decide(facts, {
      policy: { ...policy, businessDays: true },
      calendar: closedOn({ weekend: [6, 7] }),
      asOf: at('2011-12-29', '12:00', 'Pacific/Apia')
    })
    expect(decision.nextAt).toEqual(at('2012-01-02', '09:00', 'Pacific/Apia'))
  })

  it('is local to the client: one policy, two zones, two instants', () => {
    const context = { policy, calendar: openEveryDay, asOf: at('2026-06-30', '00:00') }
    const dueOn = addDays(day('2026-06-30'), 0)
    expect(
      decide(factsOf(dueOn, { timeZone: 'Pacific/Kiritimati', overdueAnnounced: true }), context).nextAt?.toISOString()
    ).toBe('2026-06-30T19:00:00.000Z')
    expect(decide(factsOf(dueOn, { timeZone: 'Pacific/Niue', overdueAnnounced: true }), context).nextAt?.toISOString()).toBe(
      '2026-07-01T20:00:00.000Z'
    )
  })
})
