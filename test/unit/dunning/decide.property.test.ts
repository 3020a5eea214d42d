import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDays, startOfDay } from '../../../src/kernel/day.ts'
import { type Decision, decide, whatIsNext } from '../../../src/modules/dunning/decide.ts'
import { effectiveDueOn, opensOn, standingOf } from '../../../src/modules/dunning/ladder.ts'
import { arbitraryScenario, type Scenario } from './arbitraries.ts'
import { applied } from './builders.ts'

const hour = 3_600_000
const scannedDays = 60

function acts({ effect, overdue }: Decision): boolean {
  return overdue || effect.kind === 'enter'
}

function startOf({ startOn, facts }: Scenario): Date {
  return startOfDay(startOn, facts.timeZone)
}

describe('the next instant', () => {
  it('is neither late nor early: an hourly scan finds nothing before it and something at it', () => {
    fc.assert(
      fc.property(arbitraryScenario, (scenario) => {
        const { policy, calendar } = scenario
        let { facts } = scenario
        let instant = startOf(scenario).getTime()
        const end = instant + scannedDays * 24 * hour
        while (instant < end) {
          const asOf = new Date(instant)
          const promisedBefore = whatIsNext(facts, { policy, calendar, asOf }).nextAt
          const decision = decide(facts, { policy, calendar, asOf })
          expect(promisedBefore !== null && promisedBefore <= asOf).toBe(acts(decision))
          facts = applied(facts, decision)
          const nextAt = decision.nextAt?.getTime() ?? end
          expect(nextAt).toBeGreaterThan(instant)
          for (let quiet = instant; quiet < Math.min(nextAt, end); quiet += hour) {
            expect(acts(decide(facts, { policy, calendar, asOf: new Date(quiet) }))).toBe(false)
          }
          if (nextAt < end) {
            expect(acts(decide(facts, { policy, calendar, asOf: new Date(nextAt - 1) }))).toBe(false)
            expect(acts(decide(facts, { policy, calendar, asOf: new Date(nextAt) }))).toBe(true)
          }
          instant = nextAt
        }
      }),
      { numRuns: 80 }
    )
  })

  it('names the stage that is then entered', () => {
    fc.assert(
      fc.property(arbitraryScenario, (scenario) => {
        const { policy, calendar, facts } = scenario
        const decision = decide(facts, { policy, calendar, asOf: startOf(scenario) })
        if (decision.nextEntryAt === null) {
          expect(decision.nextStage).toBeNull()
          return
        }
        const then = decide(applied(facts, decision), { policy, calendar, asOf: decision.nextEntryAt })
        expect(then.effect).toMatchObject({ kind: 'enter', stage: decision.nextStage })
      })
    )
  })
})

describe('the decision', () => {
  it('is the same for the same facts, and deciding again after it is carried out changes nothing', () => {
    fc.assert(
      fc.property(arbitraryScenario, fc.integer({ min: 0, max: 24 * 60 }), (scenario, hours) => {
        const { policy, calendar, facts } = scenario
        const context = { policy, calendar, asOf: new Date(startOf(scenario).getTime() + hours * hour) }
        const decision = decide(facts, context)
        expect(decide(structuredClone(facts), context)).toEqual(decision)
        const { stage, nextAt, nextEntryAt, nextStage } = decision
        const again = decide(applied(facts, decision), context)
        expect(again).toMatchObject({ effect: { kind: 'stay' }, overdue: false, stage, nextAt, nextEntryAt, nextStage })
      })
    )
  })

  it('clears what is paid, however often it is asked, and keeps its entries', () => {
    fc.assert(
      fc.property(arbitraryScenario, (scenario) => {
        const { policy, calendar, facts } = scenario
        const context = { policy, calendar, asOf: startOf(scenario) }
        const paid = { ...applied(facts, decide(facts, context)), balanceMinor: 0n }
        const decision = decide(paid, context)
        expect(decision).toMatchObject({ stage: null, nextAt: null, nextStage: null, overdue: false })
        expect(decision.effect.kind).toBe(paid.entries.length > 0 ? 'clear' : 'stay')
        expect(decide(applied(paid, decision), context)).toEqual(decision)
      })
    )
  })

  it('is made alike by a sweep at every half hour and by one that wakes only when it is told to', () => {
    fc.assert(
      fc.property(arbitraryScenario, (scenario) => {
        const { policy, calendar } = scenario
        const start = startOf(scenario).getTime()
        const end = start + scannedDays * 24 * hour
        let woken = scenario.facts
        for (let at = start; at < end; ) {
          const decision = decide(woken, { policy, calendar, asOf: new Date(at) })
          woken = applied(woken, decision)
          const nextAt = decision.nextAt?.getTime() ?? end
          expect(nextAt).toBeGreaterThan(at)
          at = nextAt
        }
        let steady = scenario.facts
        for (let at = start; at < end; at += hour / 2) {
          steady = applied(steady, decide(steady, { policy, calendar, asOf: new Date(at) }))
        }
        // The last one may fall into the half hour that the scan no longer reaches.
        expect(woken.entries.slice(0, steady.entries.length)).toEqual(steady.entries)
        expect(woken.entries.length - steady.entries.length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 60 }
    )
  })

  it('never makes two entries of one obligation on one day, nor enters a stage and repetition twice', () => {
    fc.assert(
      fc.property(arbitraryScenario, (scenario) => {
        const { policy, calendar } = scenario
        let { facts } = scenario
        for (let at = startOf(scenario).getTime(), sweeps = 0; sweeps < scannedDays * 4; at += 6 * hour, sweeps += 1) {
          facts = applied(facts, decide(facts, { policy, calendar, asOf: new Date(at) }))
        }
        const days = facts.entries.map((made) => made.enteredOn)
        const keys = facts.entries.map((made) => `${made.stage} ${made.repetition}`)
        expect(new Set(days).size).toBe(days.length)
        expect(new Set(keys).size).toBe(keys.length)
        expect(days.toSorted()).toEqual(days)
      })
    )
  })
})

describe('the ladder', () => {
  it('never opens a higher stage before a lower one, which the search relies on', () => {
    fc.assert(
      fc.property(arbitraryScenario, fc.option(fc.integer({ min: -30, max: 30 })), ({ facts, policy, calendar }, lastIn) => {
        const dueOn = effectiveDueOn(facts.dueOn, { policy, calendar })
        const [lowest] = policy.stages
        const entries =
          lastIn === null || lowest === undefined
            ? []
            : [
                {
                  stage: lowest.code,
                  repetition: 1,
                  enteredOn: addDays(dueOn, lastIn),
                  offsetDays: lowest.offsetDays,
                  graceDays: lowest.graceDays
                }
              ]
        const standing = standingOf(entries, { shiftDays: 0, effectiveDueOn: dueOn, policy })
        const above = policy.stages.map((_, index) => index).filter((index) => index > standing.position)
        const days = above.map((index) => opensOn(index, standing, { policy, calendar }))
        expect(days.toSorted()).toEqual(days)
      })
    )
  })
})
