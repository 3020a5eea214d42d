import { describe, expect, it } from 'vitest'
import { openEveryDay } from '../../../src/kernel/calendar.ts'
import { decide, type ObligationFacts } from '../../../src/modules/dunning/decide.ts'
import type { Policy } from '../../../src/modules/dunning/policy.ts'
import { applied, at, closedOn, entry, factsOf, policyOf, stage, sweepAt, sweepDaily, weekdays } from './builders.ts'

const threeStages = [stage('first', 3), stage('second', 10), stage('third', 24)]
const jump = policyOf(threeStages)
const sequential = policyOf(threeStages, { progression: 'sequential', minDaysBetween: 3 })

function decideAt(on: string, facts: ObligationFacts, policy: Policy = jump, calendar = openEveryDay) {
  return decide(facts, { policy, calendar, asOf: at(on, '12:00') })
}

describe('asking more often adds nothing', () => {
  it('makes one entry per stage when asked every minute for a day that opens a stage', () => {
    const minutes = Array.from({ length: 1440 }, (_, minute) => new Date(Date.UTC(2026, 2, 4, 0, minute)))
    const { log } = sweepAt(minutes, { facts: factsOf('2026-03-01'), policy: jump })
    expect(log).toEqual(['2026-03-04 overdue', '2026-03-04 first'])
  })

  it('changes nothing on a day with nothing due', () => {
    const facts = factsOf('2026-03-01', { overdueAnnounced: true, entries: [entry('first', '2026-03-04', { offsetDays: 3 })] })
    const decision = decideAt('2026-03-06', facts)
    expect(decision).toMatchObject({ effect: { kind: 'stay' }, overdue: false, stage: 'first', nextStage: 'second' })
    expect(applied(facts, decision)).toEqual(facts)
  })

  it('counts calendar days, so that a late hour does not push the next entry', () => {
    const run = {
      facts: factsOf('2026-03-01', { overdueAnnounced: true }),
      policy: policyOf([stage('a', 1), stage('b', 2)], { minDaysBetween: 7 })
    }
    const late = sweepAt([at('2026-03-02', '23:59')], run)
    const { log } = sweepAt([at('2026-03-09', '08:59'), at('2026-03-09', '09:00')], { ...run, facts: late.facts })
    expect(log).toEqual(['2026-03-09 b'])
  })
})

describe('after silence', () => {
  it.each([
    [1, ['first']],
    [3, ['first']],
    [40, ['third']]
  ])('jump enters the stage that the age says once, %i days late, and lists what it passed', (daysLate, expected) => {
    const asOf = at('2026-03-04', '12:00')
    asOf.setUTCDate(asOf.getUTCDate() + daysLate)
    const { log, facts } = sweepAt([asOf, new Date(asOf.getTime() + 60_000)], {
      facts: factsOf('2026-03-01', { overdueAnnounced: true }),
      policy: jump
    })
    expect(facts.entries.map((made) => made.stage)).toEqual(expected)
    expect(log).toHaveLength(1)
  })

  it('jump names the stages that it passed over, in order', () => {
    const { effect } = decideAt('2026-04-13', factsOf('2026-03-01'))
    expect(effect).toMatchObject({
      kind: 'enter',
      stage: 'third',
      skipped: ['first', 'second'],
      enteredOn: '2026-04-13',
      repetition: 1
    })
  })

  it('sequential goes on with its spacing, stage by stage', () => {
    const { log } = sweepDaily(
      { from: '2026-04-13', days: 20 },
      { facts: factsOf('2026-03-01', { overdueAnnounced: true }), policy: sequential }
    )
    expect(log).toEqual(['2026-04-13 first', '2026-04-16 second', '2026-04-19 third'])
  })

  it('sequential never makes two entries on one day, even without spacing', () => {
    const policy = policyOf(threeStages, { progression: 'sequential' })
    const { log } = sweepDaily(
      { from: '2026-04-13', days: 5 },
      { facts: factsOf('2026-03-01', { overdueAnnounced: true }), policy }
    )
    expect(log).toEqual(['2026-04-13 first', '2026-04-14 second', '2026-04-15 third'])
  })

  it('passes a stage before the due date in silence once it is due', () => {
    const policy = policyOf([stage('courtesy', -3), stage('first', 3), stage('second', 10)])
    expect(decideAt('2026-03-02', factsOf('2026-03-01'), policy)).toMatchObject({ effect: { kind: 'stay' }, nextStage: 'first' })
    expect(decideAt('2026-03-04', factsOf('2026-03-01'), policy).effect).toMatchObject({ stage: 'first', skipped: [] })
    expect(decideAt('2026-03-04', factsOf('2026-03-01'), { ...policy, progression: 'sequential' }).effect).toMatchObject({
      stage: 'first'
    })
  })

  it('still gives the courtesy on the due day, and lists an earlier one that it could have given instead', () => {
    const policy = policyOf([stage('early', -7), stage('courtesy', -3), stage('first', 3)])
    expect(decideAt('2026-03-01', factsOf('2026-03-01'), policy).effect).toMatchObject({ stage: 'courtesy', skipped: ['early'] })
  })

  it('catches up only on an open day at or after the time of sending', () => {
    const policy = policyOf(threeStages, { businessDays: true })
    const facts = factsOf('2026-03-01', { overdueAnnounced: true })
    // 2026-03-07 is a Saturday, and the first stage has been open since Wednesday.
    const { log } = sweepAt(
      [at('2026-03-07', '12:00'), at('2026-03-08', '12:00'), at('2026-03-09', '08:59'), at('2026-03-09', '09:00')],
      { facts, policy, calendar: weekdays }
    )
    expect(log).toEqual(['2026-03-09 first'])
    expect(decideAt('2026-03-07', facts, policy, weekdays).nextAt).toEqual(at('2026-03-09', '09:00'))
  })
})

describe('age', () => {
  it('takes +60 for sixty days after and −3 for three days before the due date', () => {
    const policy = policyOf([stage('courtesy', -3), stage('handover', 60)])
    const { log } = sweepDaily({ from: '2026-02-01', days: 120 }, { facts: factsOf('2026-03-01'), policy })
    expect(log).toEqual(['2026-02-26 courtesy', '2026-03-02 overdue', '2026-04-30 handover'])
  })

  it('counts from the due date: two invoices due on one day climb alike, and each on its own', () => {
    const older = sweepDaily({ from: '2026-01-01', days: 120 }, { facts: factsOf('2026-02-01'), policy: jump })
    const newer = sweepDaily({ from: '2026-01-01', days: 120 }, { facts: factsOf('2026-03-01'), policy: jump })
    expect(older.log).toEqual(['2026-02-02 overdue', '2026-02-04 first', '2026-02-11 second', '2026-02-25 third'])
    expect(newer.log).toEqual(['2026-03-02 overdue', '2026-03-04 first', '2026-03-11 second', '2026-03-25 third'])
  })

  it('counts from the next open day where the policy moves a due date on a closed one', () => {
    // 2026-02-28 is a Saturday.
    const facts = factsOf('2026-02-28')
    const asIs = sweepDaily({ from: '2026-02-20', days: 20 }, { facts, policy: jump, calendar: weekdays })
    const moved = sweepDaily(
      { from: '2026-02-20', days: 20 },
      { facts, policy: { ...jump, dueOnClosedDay: 'next_open' }, calendar: weekdays }
    )
    expect(asIs.log).toEqual(['2026-03-01 overdue', '2026-03-03 first', '2026-03-10 second'])
    expect(moved.log).toEqual(['2026-03-03 overdue', '2026-03-05 first'])
    expect(decideAt('2026-03-04', facts, { ...jump, dueOnClosedDay: 'next_open' }, weekdays).daysOverdue).toBe(2)
  })

  it('says how far before the due date it is', () => {
    expect(decideAt('2026-02-20', factsOf('2026-03-01')).daysOverdue).toBe(-9)
  })
})

describe('grace and spacing', () => {
  const final = stage('final', 24, { graceDays: 10 })

  it('brings the last stage after the grace of the one before, not with it', () => {
    const policy = policyOf([final, stage('handover', 30)])
    const { log, facts } = sweepDaily(
      { from: '2026-04-10', days: 30 },
      { facts: factsOf('2026-03-01', { overdueAnnounced: true }), policy: { ...policy, progression: 'sequential' } }
    )
    expect(log).toEqual(['2026-04-10 final', '2026-04-20 handover'])
    expect(facts.entries).toHaveLength(2)
  })

  it('names the deadline that the stage grants', () => {
    const policy = policyOf([final, stage('handover', 60)])
    expect(decideAt('2026-03-25', factsOf('2026-03-01'), policy).effect).toMatchObject({
      stage: 'final',
      deadlineOn: '2026-04-04'
    })
    expect(decideAt('2026-03-04', factsOf('2026-03-01')).effect).toMatchObject({ stage: 'first', deadlineOn: null })
  })

  it('keeps the grace that was granted when the policy is edited afterwards', () => {
    const policy = policyOf([stage('final', 24), stage('handover', 25)])
    const facts = factsOf('2026-03-01', { entries: [entry('final', '2026-03-25', { offsetDays: 24, graceDays: 10 })] })
    expect(decideAt('2026-03-30', facts, policy)).toMatchObject({
      effect: { kind: 'stay' },
      nextEntryAt: at('2026-04-04', '09:00')
    })
  })

  it('spaces the entries of a jump too', () => {
    const policy = policyOf([stage('a', 1), stage('b', 2), stage('c', 3)], { minDaysBetween: 5 })
    const { log } = sweepDaily(
      { from: '2026-03-01', days: 30 },
      { facts: factsOf('2026-03-01', { overdueAnnounced: true }), policy }
    )
    expect(log).toEqual(['2026-03-02 a', '2026-03-07 c (skipped b)'])
  })
})

describe('calendar shifts', () => {
  const close = [stage('a', 1), stage('b', 2), stage('c', 9)]
  // 2026-03-06 is a Friday: both stages fall on the weekend.
  const facts = factsOf('2026-03-06', { overdueAnnounced: true })

  it('never put two stages on one day: jump skips the earlier', () => {
    const { log } = sweepDaily(
      { from: '2026-03-06', days: 20 },
      { facts, policy: policyOf(close, { businessDays: true }), calendar: weekdays }
    )
    expect(log).toEqual(['2026-03-09 b (skipped a)', '2026-03-16 c'])
  })

  it('never put two stages on one day: sequential lets the later wait', () => {
    const policy = policyOf(close, { businessDays: true, progression: 'sequential' })
    const { log } = sweepDaily({ from: '2026-03-06', days: 20 }, { facts, policy, calendar: weekdays })
    expect(log).toEqual(['2026-03-09 a', '2026-03-10 b', '2026-03-16 c'])
  })

  it('move a stage before the due date to the open day before, so that it is not late', () => {
    const policy = policyOf([stage('courtesy', -1), stage('first', 3)], { businessDays: true })
    // Due on Monday the 9th: the courtesy would be for Sunday.
    const { log } = sweepDaily({ from: '2026-03-01', days: 15 }, { facts: factsOf('2026-03-09'), policy, calendar: weekdays })
    expect(log).toEqual(['2026-03-06 courtesy', '2026-03-10 overdue', '2026-03-12 first'])
  })

  it('leave no courtesy for after the due date where every day until then is closed', () => {
    const policy = policyOf([stage('courtesy', -1), stage('first', 3)], { businessDays: true })
    // Due on Sunday the 8th and first looked at on Saturday.
    const decision = decideAt('2026-03-07', factsOf('2026-03-08'), policy, weekdays)
    expect(decision).toMatchObject({
      nextAt: at('2026-03-09', '00:00'),
      nextEntryAt: at('2026-03-11', '09:00'),
      nextStage: 'first'
    })
  })

  it('do not move it to before the day that the spacing allows', () => {
    const policy = policyOf([stage('early', -3), stage('courtesy', -1), stage('first', 3)], {
      businessDays: true,
      minDaysBetween: 1
    })
    // Due on Tuesday the 10th: early on Saturday and courtesy on Monday; the early one moves to Friday.
    const { log } = sweepDaily({ from: '2026-03-01', days: 10 }, { facts: factsOf('2026-03-10'), policy, calendar: weekdays })
    expect(log).toEqual(['2026-03-06 early', '2026-03-09 courtesy'])
    // Due on Sunday the 8th: all of Friday to Sunday; the second would share the day and is over by Monday.
    const sunday = sweepDaily(
      { from: '2026-03-01', days: 15 },
      { facts: factsOf('2026-03-08'), policy: { ...policy, progression: 'sequential' }, calendar: weekdays }
    )
    expect(sunday.log).toEqual(['2026-03-05 early', '2026-03-06 courtesy', '2026-03-09 overdue', '2026-03-11 first'])
  })

  it('pass over a row of holidays', () => {
    const calendar = closedOn({ weekend: [6, 7], days: ['2026-12-24', '2026-12-25', '2026-12-28', '2026-12-31', '2027-01-01'] })
    const policy = policyOf([stage('first', 3)], { businessDays: true })
    const { log } = sweepDaily(
      { from: '2026-12-21', days: 20 },
      { facts: factsOf('2026-12-21', { overdueAnnounced: true }), policy, calendar }
    )
    expect(log).toEqual(['2026-12-29 first'])
  })
})

describe('repetition', () => {
  const policy = policyOf([stage('first', 3), stage('again', 10, { repeatEveryDays: 7 })])

  it('numbers the entries of the last stage until it is paid', () => {
    const { log, facts } = sweepDaily(
      { from: '2026-03-01', days: 30 },
      { facts: factsOf('2026-03-01', { overdueAnnounced: true }), policy }
    )
    expect(log).toEqual(['2026-03-04 first', '2026-03-11 again', '2026-03-18 again #2', '2026-03-25 again #3'])
    expect(decideAt('2026-04-05', { ...facts, balanceMinor: 0n }, policy).effect).toEqual({ kind: 'clear' })
  })

  it('makes one entry after silence, not one per missed week', () => {
    const facts = factsOf('2026-03-01', { overdueAnnounced: true, entries: [entry('again', '2026-03-11', { offsetDays: 10 })] })
    const { log } = sweepDaily({ from: '2026-05-01', days: 8 }, { facts, policy })
    expect(log).toEqual(['2026-05-01 again #2', '2026-05-08 again #3'])
  })

  it('waits for grace and spacing where these are longer, and for an open day', () => {
    const slow = policyOf([stage('again', 3, { repeatEveryDays: 2, graceDays: 4 })], { minDaysBetween: 3, businessDays: true })
    const { log } = sweepDaily(
      { from: '2026-03-02', days: 12 },
      { facts: factsOf('2026-03-01', { overdueAnnounced: true }), policy: slow, calendar: weekdays }
    )
    expect(log).toEqual(['2026-03-04 again', '2026-03-09 again #2', '2026-03-13 again #3'])
  })
})
