import fc from 'fast-check'
import type { BusinessCalendar } from '../../../src/kernel/calendar.ts'
import { addDays, type Day, day } from '../../../src/kernel/day.ts'
import type { ObligationFacts } from '../../../src/modules/dunning/decide.ts'
import type { Policy } from '../../../src/modules/dunning/policy.ts'
import { closedOn, eur, factsOf, policyOf, stage } from './builders.ts'

/** Zones with a start of day, an hour or a whole day that is missing or comes twice; each with a day near such a change. */
export const zones: readonly [timeZone: string, near: string][] = [
  ['UTC', '2026-03-29'],
  ['Europe/Berlin', '2026-03-29'],
  ['Europe/Berlin', '2026-10-25'],
  ['America/New_York', '2026-03-08'],
  ['America/New_York', '2026-11-01'],
  ['Pacific/Niue', '2026-03-01'],
  ['Pacific/Kiritimati', '2026-03-01'],
  ['Asia/Kathmandu', '2026-03-01'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['America/Havana', '2026-03-08'],
  ['Africa/Cairo', '2026-04-24'],
  ['America/Nuuk', '2024-03-30'],
  ['America/Nuuk', '2024-10-26'],
  ['Pacific/Apia', '2011-12-30']
]

export function arbitraryPolicy({ businessDays }: { businessDays?: boolean } = {}): fc.Arbitrary<Policy> {
  return fc
    .record({
      offsets: fc.uniqueArray(fc.integer({ min: -10, max: 40 }), { minLength: 1, maxLength: 6 }),
      grace: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 })), { minLength: 6, maxLength: 6 }),
      repeat: fc.option(fc.integer({ min: 1, max: 10 })),
      progression: fc.constantFrom('jump' as const, 'sequential' as const),
      minDaysBetween: fc.integer({ min: 0, max: 5 }),
      businessDays: businessDays === undefined ? fc.boolean() : fc.constant(businessDays),
      dueOnClosedDay: fc.constantFrom('as_is' as const, 'next_open' as const),
      sendAt: fc.constantFrom('00:00', '00:30', '02:30', '09:00', '23:30'),
      minMinor: fc.constantFrom(0n, 500n)
    })
    .map(({ offsets, grace, repeat, minMinor, ...rest }) => {
      const rising = offsets.toSorted((a, b) => a - b)
      const stages = rising.map((offset, index) => {
        const repeatEveryDays = index === rising.length - 1 && offset >= 0 ? repeat : null
        return stage(`s${index}`, offset, { graceDays: grace[index] ?? 0, repeatEveryDays })
      })
      return policyOf(stages, { ...rest, minBalanceMinor: new Map([[eur, minMinor]]) })
    })
}

export function arbitraryCalendar(around: string): fc.Arbitrary<BusinessCalendar> {
  return fc
    .record({
      weekend: fc.constantFrom([], [7], [6, 7], [5, 6], [5]),
      closed: fc.uniqueArray(fc.integer({ min: -20, max: 80 }), { maxLength: 12 })
    })
    .map(({ weekend, closed }) => closedOn({ weekend, days: closed.map((offset) => addDays(day(around), offset)) }))
}

export type Scenario = Readonly<{ facts: ObligationFacts; policy: Policy; calendar: BusinessCalendar; startOn: Day }>

/** An open invoice in some zone, from up to fifteen days before its due date to twenty after. */
export const arbitraryScenario: fc.Arbitrary<Scenario> = fc.constantFrom(...zones).chain(([timeZone, near]) =>
  fc
    .record({
      policy: arbitraryPolicy(),
      calendar: arbitraryCalendar(near),
      dueIn: fc.integer({ min: -20, max: 15 }),
      startIn: fc.integer({ min: -6, max: 3 }),
      exemptFor: fc.option(fc.integer({ min: -3, max: 25 }), { freq: 3 }),
      balanceMinor: fc.constantFrom(10_000n, 10_000n, 10_000n, 500n),
      dunning: fc.constantFrom('on' as const, 'on' as const, 'on' as const, 'off' as const),
      isCollected: fc.boolean()
    })
    .map(({ policy, calendar, dueIn, startIn, exemptFor, balanceMinor, dunning, isCollected }) => {
      const startOn = addDays(day(near), startIn)
      const exemptUntilOn = exemptFor === null ? null : addDays(startOn, exemptFor)
      return {
        policy,
        calendar,
        startOn,
        facts: factsOf(addDays(startOn, dueIn), { timeZone, exemptUntilOn, balanceMinor, dunning, isCollected })
      }
    })
)
