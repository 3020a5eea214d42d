import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openEveryDay } from '../../../src/kernel/calendar.ts'
import { day, startOfDay } from '../../../src/kernel/day.ts'
import { decide } from '../../../src/modules/dunning/decide.ts'
import type { StageEntry } from '../../../src/modules/dunning/ladder.ts'
import type { Policy } from '../../../src/modules/dunning/policy.ts'
import { type Movement, mistakenEntries, openBefore, type RecordedEntry } from '../../../src/modules/dunning/retract.ts'
import { arbitraryScenario } from './arbitraries.ts'
import { applied, closedOn, entry, eur, factsOf, policyOf, stage, sweepDaily } from './builders.ts'

const jump = policyOf([stage('first', 3), stage('second', 10), stage('third', 24)])
const sequential: Policy = { ...jump, progression: 'sequential' }
const issued: Movement = { effectiveOn: day('2026-02-01'), amountMinor: 10_000n }

function movement(on: string, amountMinor: bigint): Movement {
  return { effectiveOn: day(on), amountMinor }
}

function recorded(
  entries: readonly StageEntry[],
  policy: Policy = jump,
  kind: RecordedEntry['kind'] = 'entered'
): RecordedEntry[] {
  return entries.map((made) => ({ ...made, policy, calendar: openEveryDay, kind }))
}

const made = recorded([entry('first', '2026-03-04', { offsetDays: 3 }), entry('second', '2026-03-11', { offsetDays: 10 })])

function mistakenCodes(entries: readonly RecordedEntry[], movements: readonly Movement[]): string[] {
  const obligation = { dueOn: day('2026-03-01'), currency: eur, openOn: openBefore([issued, ...movements]), holds: [] }
  return mistakenEntries(entries, obligation).map((wrong) => `${wrong.stage} ${wrong.enteredOn}`)
}

describe('a payment that was received earlier than it was recorded', () => {
  it('takes back the entries made after the day on which it was received', () => {
    expect(mistakenCodes(made, [movement('2026-03-03', -10_000n)])).toEqual(['first 2026-03-04', 'second 2026-03-11'])
    expect(mistakenCodes(made, [movement('2026-03-08', -10_000n)])).toEqual(['second 2026-03-11'])
  })

  it('leaves the entries of its own day', () => {
    expect(mistakenCodes(made, [movement('2026-03-04', -10_000n)])).toEqual(['second 2026-03-11'])
    expect(mistakenCodes(made, [movement('2026-03-11', -10_000n)])).toEqual([])
  })

  it('takes nothing back where it was a partial sum that changes no decision', () => {
    expect(mistakenCodes(made, [movement('2026-03-03', -9_999n)])).toEqual([])
  })

  it('takes back what the minimum balance of that policy version would have spared', () => {
    const policy = { ...jump, minBalanceMinor: new Map([[eur, 500n]]) }
    const entries = [...recorded([entry('first', '2026-03-04')], policy), ...recorded([entry('second', '2026-03-11')], jump)]
    expect(mistakenCodes(entries, [movement('2026-03-03', -9_500n)])).toEqual(['first 2026-03-04'])
  })

  it('takes nothing back where it was reversed as of its own day', () => {
    expect(mistakenCodes(made, [movement('2026-03-03', -10_000n), movement('2026-03-03', 10_000n)])).toEqual([])
  })

  it('spares what came after it bounced', () => {
    const entries = recorded([entry('first', '2026-03-04', { offsetDays: 3 }), entry('second', '2026-03-11', { offsetDays: 10 })])
    expect(mistakenCodes(entries, [movement('2026-03-03', -10_000n), movement('2026-03-11', 10_000n)])).toEqual([
      'first 2026-03-04'
    ])
  })
})

describe('the replay', () => {
  it('goes on without the mistaken entries: what sequential would have entered instead makes the later one mistaken too', () => {
    const entries = recorded(
      [entry('first', '2026-03-04', { offsetDays: 3 }), entry('second', '2026-03-11', { offsetDays: 10 })],
      sequential
    )
    // Paid on the 3rd, bounced on the 9th: on the 11th the first stage was next, not the second.
    const movements = [movement('2026-03-03', -10_000n), movement('2026-03-09', 10_000n)]
    expect(mistakenCodes(entries, movements)).toEqual(['first 2026-03-04', 'second 2026-03-11'])
  })

  it('counts a repetition that would have been the first as mistaken', () => {
    const policy = policyOf([stage('weekly', 3, { repeatEveryDays: 7 })])
    const entries = recorded(
      [entry('weekly', '2026-03-04', { offsetDays: 3 }), entry('weekly', '2026-03-11', { offsetDays: 3, repetition: 2 })],
      policy
    )
    const movements = [movement('2026-03-03', -10_000n), movement('2026-03-09', 10_000n)]
    expect(mistakenCodes(entries, movements)).toEqual(['weekly 2026-03-04', 'weekly 2026-03-11'])
  })

  it('judges each entry by the calendar of its time', () => {
    const calendar = closedOn({ weekend: [6, 7] })
    const policy = { ...jump, businessDays: true }
    const { facts } = sweepDaily({ from: '2026-03-01', days: 40 }, { facts: factsOf('2026-03-01'), policy, calendar })
    const entries = facts.entries.map((one): RecordedEntry => ({ ...one, kind: 'entered', policy, calendar }))
    expect(entries).toHaveLength(3)
    expect(mistakenCodes(entries, [])).toEqual([])
  })

  it('takes a baseline entry back only where nothing was open', () => {
    const baseline = recorded([entry('third', '2026-03-03', { offsetDays: 24 })], jump, 'baseline')
    expect(mistakenCodes(baseline, [movement('2026-02-10', -9_999n)])).toEqual([])
    expect(mistakenCodes(baseline, [movement('2026-02-10', -10_000n)])).toEqual(['third 2026-03-03'])
  })

  it('finds nothing mistaken in what decide made, for any policy and calendar, as long as the ledger stays as it was', () => {
    fc.assert(
      fc.property(arbitraryScenario, ({ facts: start, policy, calendar, startOn }) => {
        let facts = start
        const begin = startOfDay(startOn, start.timeZone).getTime()
        for (let sweeps = 0; sweeps < 200; sweeps += 1) {
          facts = applied(facts, decide(facts, { policy, calendar, asOf: new Date(begin + sweeps * 8 * 3_600_000) }))
        }
        const entries = facts.entries.map((one): RecordedEntry => ({ ...one, kind: 'entered', policy, calendar }))
        const openOn = () => facts.balanceMinor
        expect(mistakenEntries(entries, { dueOn: facts.dueOn, currency: eur, openOn, holds: [] })).toEqual([])
      })
    )
  })
})
