import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDays, day, daysBetween } from '../../../src/kernel/day.ts'
import { decide } from '../../../src/modules/dunning/decide.ts'
import type { Policy } from '../../../src/modules/dunning/policy.ts'
import { arbitraryPolicy } from './arbitraries.ts'
import { applied, at, closedOn, eur, factsOf } from './builders.ts'

/** Days are numbers from 0 here, and nothing of the implementation is used. */
type World = { policy: Policy; dueOn: number; closed: boolean[]; swept: boolean[]; balance: bigint[]; exemptThrough: number }
type Line = { day: number; stage: string; repetition: number; skipped: string[] }

const span = 120
const epoch = day('2026-01-01')

/**
 * The rules once more, told day by day instead of stage by stage: on each open day that is swept, which stages are open
 * is read from the days themselves, without computing when anything opens.
 */
function toldByDay({ policy, dueOn, closed, swept, balance, exemptThrough }: World): Line[] {
  const lines: Line[] = []
  const names = policy.stages.map((rung) => rung.code)
  const isOpenDay = (on: number) => !policy.businessDays || closed[on] !== true
  let due = dueOn
  if (policy.dueOnClosedDay === 'next_open') while (closed[due] === true) due += 1
  let rung = -1
  let quietThrough = -1
  let grace = 0
  for (let today = 0; today < span; today += 1) {
    if (swept[today] !== true || !isOpenDay(today) || today <= exemptThrough) continue
    if ((balance[today] ?? 0n) <= (policy.minBalanceMinor.get(eur) ?? 0n)) continue
    const last = lines.at(-1)
    if (last !== undefined && today < last.day + Math.max(1, grace, policy.minDaysBetween)) continue
    const repeat = policy.stages.at(-1)?.repeatEveryDays ?? null
    if (rung === names.length - 1) {
      if (repeat === null || last === undefined || today < Math.max(quietThrough, last.day + repeat)) continue
      lines.push({ day: today, stage: last.stage, repetition: last.repetition + 1, skipped: [] })
      continue
    }
    const open = policy.stages.flatMap(({ offsetDays }, index) => {
      if (index <= rung) return []
      const wanted = due + offsetDays
      if (offsetDays >= 0) return today >= wanted ? [index] : []
      let noBetterDay = true
      for (let later = today + 1; later <= wanted; later += 1) if (isOpenDay(later)) noBetterDay = false
      return today <= due && noBetterDay ? [index] : []
    })
    const entered = policy.progression === 'jump' ? open.at(-1) : open[0]
    if (entered === undefined) continue
    const skipped = open.filter((index) => index < entered).map((index) => names[index] ?? '')
    lines.push({ day: today, stage: names[entered] ?? '', repetition: 1, skipped })
    rung = entered
    grace = policy.stages[entered]?.graceDays ?? 0
    quietThrough = today + grace
  }
  return lines
}

function decidedByDay({ policy, dueOn, closed, swept, balance, exemptThrough }: World): Line[] {
  const lines: Line[] = []
  const dates = Array.from({ length: closed.length }, (_, index) => addDays(epoch, index))
  const calendar = closedOn({ days: dates.filter((_, index) => closed[index]) })
  const exemptUntilOn = exemptThrough < 0 ? null : addDays(epoch, exemptThrough)
  let facts = factsOf(addDays(epoch, dueOn), { exemptUntilOn })
  for (let today = 0; today < span; today += 1) {
    if (swept[today] !== true) continue
    const now = { ...facts, balanceMinor: balance[today] ?? 0n }
    const decision = decide(now, { policy, calendar, asOf: at(addDays(epoch, today), '23:45') })
    facts = applied(now, decision)
    if (decision.effect.kind !== 'enter') continue
    const { stage, repetition, skipped, enteredOn } = decision.effect
    lines.push({ day: daysBetween(epoch, enteredOn), stage, repetition, skipped: [...skipped] })
  }
  return lines
}

function arbitraryWorld(policies: fc.Arbitrary<Policy>): fc.Arbitrary<World> {
  const always = fc.constant(Array.from({ length: span }, () => true))
  return fc.record({
    policy: policies,
    dueOn: fc.integer({ min: 0, max: 90 }),
    // Never more than a few closed days in a row at the end, so that a search for an open day ends.
    closed: fc.array(
      fc.integer({ min: 0, max: 9 }).map((chance) => chance < 3),
      { minLength: span + 200, maxLength: span + 200 }
    ),
    swept: fc.oneof(always, fc.array(fc.boolean(), { minLength: span, maxLength: span })),
    balance: fc
      .array(fc.record({ on: fc.integer({ min: 0, max: span - 1 }), open: fc.constantFrom(0n, 500n, 501n, 10_000n) }), {
        maxLength: 3
      })
      .map((changes) => Array.from({ length: span }, (_, today) => changes.findLast(({ on }) => on <= today)?.open ?? 10_000n)),
    exemptThrough: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 }) })
  })
}

describe('the whole sequence of entries agrees with the rules told day by day', () => {
  const cases = (['jump', 'sequential'] as const).flatMap((progression) =>
    [true, false].flatMap((businessDays) => [true, false].map((repeats) => ({ progression, businessDays, repeats })))
  )
  it.each(cases)('$progression, business days $businessDays, repetition $repeats', ({ progression, businessDays, repeats }) => {
    const policies = arbitraryPolicy({ businessDays }).map((policy) => ({
      ...policy,
      progression,
      stages: policy.stages.map((rung) => (repeats ? rung : { ...rung, repeatEveryDays: null }))
    }))
    fc.assert(
      fc.property(arbitraryWorld(policies), (world) => {
        expect(decidedByDay(world)).toEqual(toldByDay(world))
      }),
      { numRuns: 250 }
    )
  })
})
