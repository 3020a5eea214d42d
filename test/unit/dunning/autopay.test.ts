import { describe, expect, it } from 'vitest'
import { openEveryDay } from '../../../src/kernel/calendar.ts'
import { day } from '../../../src/kernel/day.ts'
import { baselineStage, decide, whatIsNext } from '../../../src/modules/dunning/decide.ts'
import { explain } from '../../../src/modules/dunning/explain.ts'
import { at, closedOn, factsOf, policyOf, stage, sweepDaily } from './builders.ts'

const policy = policyOf([stage('courtesy', -3), stage('due', 0), stage('reminder', 3)])
const context = (on: string) => ({ policy, calendar: openEveryDay, asOf: at(on, '12:00') })

describe('what is collected by autopay', () => {
  const facts = factsOf('2026-03-10', { isCollected: true })

  it('enters no stage through its due date, and then those that its age opens', () => {
    const { log } = sweepDaily({ from: '2026-03-01', days: 20 }, { facts, policy })
    expect(log).toEqual(['2026-03-11 overdue', '2026-03-11 due', '2026-03-13 reminder'])
  })

  it('waits through the open day that takes the place of its due date', () => {
    const moved = { ...policy, dueOnClosedDay: 'next_open' as const }
    const calendar = closedOn({ days: ['2026-03-10', '2026-03-11'] })
    const { log } = sweepDaily({ from: '2026-03-01', days: 14 }, { facts, policy: moved, calendar })
    expect(log).toEqual(['2026-03-13 overdue', '2026-03-13 due'])
  })

  it('names the stage that comes next and its instant', () => {
    expect(whatIsNext(facts, context('2026-03-08'))).toMatchObject({ nextStage: 'due', nextEntryAt: at('2026-03-11', '09:00') })
  })

  it('starts below the first stage before its due date, and at the stage of its age afterwards', () => {
    expect(baselineStage(facts, context('2026-03-08'))).toBeNull()
    expect(baselineStage(facts, context('2026-03-10'))).toBeNull()
    expect(baselineStage(facts, context('2026-03-11'))?.code).toBe('due')
  })

  it('is reminded by its age once a collection failed, before the due date too', () => {
    const failed = { ...facts, isCollected: false }
    expect(decide(failed, context('2026-03-09')).effect).toMatchObject({ kind: 'enter', stage: 'courtesy' })
  })

  it('waits for the later of an exemption and the collection', () => {
    const next = (exempt: string) => whatIsNext({ ...facts, exemptUntilOn: day(exempt) }, context('2026-03-08'))
    expect(next('2026-03-09').nextEntryAt).toEqual(at('2026-03-11', '09:00'))
    expect(next('2026-03-12').nextEntryAt).toEqual(at('2026-03-13', '09:00'))
  })

  it('is explained by that rule', () => {
    const { decision, why } = explain(facts, context('2026-03-08'))
    expect(decision.rule).toBe('awaiting_collection')
    expect(why.map(({ rule, stage: code }) => `${rule} ${code ?? ''}`.trim())).toEqual([
      'awaiting_collection',
      'before_due_only courtesy',
      'offset due'
    ])
    expect(why[0]?.detail).toBe('It is collected by autopay, so no reminder is due through its due date, 2026-03-10.')
  })
})
