import { describe, expect, it } from 'vitest'
import { openEveryDay } from '../../../src/kernel/calendar.ts'
import { day } from '../../../src/kernel/day.ts'
import { baselineStage, decide, type ObligationFacts, whatIsNext } from '../../../src/modules/dunning/decide.ts'
import { defaultPolicy, type Policy } from '../../../src/modules/dunning/policy.ts'
import { at, entry, eur, factsOf, jpy, policyOf, stage, sweepDaily, weekdays } from './builders.ts'

const threeStages = [stage('first', 3), stage('second', 10), stage('third', 24)]
const jump = policyOf(threeStages)

function decideAt(on: string, facts: ObligationFacts, policy: Policy = jump, calendar = openEveryDay) {
  return decide(facts, { policy, calendar, asOf: at(on, '12:00') })
}

describe('overdue', () => {
  const blocked: [string, Partial<ObligationFacts>][] = [
    ['dunning is off', { dunning: 'off' }],
    ['it is exempt', { exemptUntilOn: day('2026-12-31') }],
    ['it is below the minimum', { balanceMinor: 1n }]
  ]
  it.each(blocked)('is announced once though %s', (_, change) => {
    const policy = { ...jump, minBalanceMinor: new Map([[eur, 500n]]) }
    const { log } = sweepDaily({ from: '2026-02-25', days: 60 }, { facts: factsOf('2026-03-01', change), policy })
    expect(log).toEqual(['2026-03-02 overdue'])
  })

  it('is announced at the first moment of the day after, before the time of sending and on a closed day', () => {
    const policy = { ...jump, businessDays: true }
    // 2026-03-01 is a Sunday.
    const decision = decide(factsOf('2026-02-28'), { policy, calendar: weekdays, asOf: at('2026-03-01', '00:00') })
    expect(decision).toMatchObject({ overdue: true, effect: { kind: 'stay' } })
  })

  it('is not said of what is paid', () => {
    expect(decideAt('2026-03-05', factsOf('2026-03-01', { balanceMinor: 0n }))).toMatchObject({ overdue: false, nextAt: null })
    expect(decideAt('2026-03-05', factsOf('2026-03-01', { status: 'closed' }))).toMatchObject({ overdue: false, nextAt: null })
  })
})

describe('the amount', () => {
  const policy = { ...jump, minBalanceMinor: new Map([[eur, 500n]]) }

  it('that remains counts, not the one that was invoiced', () => {
    expect(decideAt('2026-03-04', factsOf('2026-03-01', { balanceMinor: 501n }), policy).effect.kind).toBe('enter')
    expect(decideAt('2026-03-04', factsOf('2026-03-01', { balanceMinor: 499n }), policy).effect.kind).toBe('stay')
  })

  it('at the minimum is not dunned and does not wake the sweep', () => {
    const decision = decideAt('2026-03-04', factsOf('2026-03-01', { balanceMinor: 500n, overdueAnnounced: true }), policy)
    expect(decision).toMatchObject({ effect: { kind: 'stay' }, rule: 'below_minimum', nextAt: null, nextStage: null })
  })

  it('is held against the minimum of its own currency', () => {
    expect(decideAt('2026-03-04', factsOf('2026-03-01', { balanceMinor: 400n, currency: jpy }), policy).effect.kind).toBe('enter')
  })
})

describe('switched off and exempt', () => {
  it('makes no entry and asks for none while dunning is off', () => {
    const decision = decideAt('2026-04-04', factsOf('2026-03-01', { dunning: 'off' }))
    expect(decision).toMatchObject({ effect: { kind: 'stay' }, rule: 'dunning_off', overdue: true, nextAt: null })
  })

  it('still exempts on the last day, and enters one stage by age on the next', () => {
    const facts = factsOf('2026-03-01', { exemptUntilOn: day('2026-03-15'), overdueAnnounced: true })
    expect(decideAt('2026-03-15', facts)).toMatchObject({
      effect: { kind: 'stay' },
      rule: 'exempt',
      nextAt: at('2026-03-16', '09:00')
    })
    const { log } = sweepDaily({ from: '2026-03-01', days: 20 }, { facts, policy: jump })
    expect(log).toEqual(['2026-03-16 second (skipped first)'])
  })

  it('takes the last day that there is for an exemption without end', () => {
    const decision = decideAt('2026-03-15', factsOf('2026-03-01', { exemptUntilOn: day('9999-12-31'), overdueAnnounced: true }))
    expect(decision).toMatchObject({ effect: { kind: 'stay' }, rule: 'exempt', nextAt: null })
  })

  it('does not keep a courtesy for after an exemption that outlasts the due date', () => {
    const policy = policyOf([stage('courtesy', -3), stage('first', 3)])
    const decision = decideAt('2026-02-26', factsOf('2026-03-01', { exemptUntilOn: day('2026-03-01') }), policy)
    expect(decision).toMatchObject({
      nextAt: at('2026-03-02', '00:00'),
      nextEntryAt: at('2026-03-04', '09:00'),
      nextStage: 'first'
    })
  })
})

describe('clearing and coming back', () => {
  const entries = [entry('first', '2026-03-04', { offsetDays: 3 }), entry('second', '2026-03-11', { offsetDays: 10 })]

  it('leaves the ladder when nothing is open', () => {
    const decision = decideAt('2026-03-12', factsOf('2026-03-01', { balanceMinor: 0n, entries }))
    expect(decision).toMatchObject({ effect: { kind: 'clear' }, stage: null, nextAt: null, rule: 'closed' })
  })

  it('has nothing to clear where no stage was entered', () => {
    expect(decideAt('2026-03-02', factsOf('2026-03-01', { balanceMinor: 0n })).effect).toEqual({ kind: 'stay' })
  })

  it('returns to its stage after a reversal and does not enter it again', () => {
    const decision = decideAt('2026-03-20', factsOf('2026-03-01', { entries, overdueAnnounced: true }))
    expect(decision).toMatchObject({
      effect: { kind: 'stay' },
      stage: 'second',
      nextStage: 'third',
      nextAt: at('2026-03-25', '09:00')
    })
  })

  it('goes on by age after a reversal that comes late', () => {
    const decision = decideAt('2026-05-20', factsOf('2026-03-01', { entries, overdueAnnounced: true }))
    expect(decision.effect).toMatchObject({ stage: 'third', skipped: [] })
  })
})

describe('a policy edited in mid-flight', () => {
  const entries = [entry('second', '2026-03-11', { offsetDays: 10 })]

  it('does not enter what a removed stage stood for again', () => {
    const edited = policyOf([stage('first', 3), stage('other', 8), stage('third', 24)])
    const decision = decideAt('2026-03-12', factsOf('2026-03-01', { entries, overdueAnnounced: true }), edited)
    expect(decision).toMatchObject({ effect: { kind: 'stay' }, stage: 'second', nextStage: 'third' })
  })

  it('does not enter a stage again under its new name', () => {
    const edited = policyOf([stage('first', 3), stage('renamed', 10), stage('third', 24)])
    const decision = decideAt('2026-03-12', factsOf('2026-03-01', { entries, overdueAnnounced: true }), edited)
    expect(decision).toMatchObject({ effect: { kind: 'stay' }, nextStage: 'third' })
  })

  it('finds a stage by its code wherever it was moved to', () => {
    const edited = policyOf([stage('first', 3), stage('between', 12), stage('second', 20), stage('third', 24)])
    expect(decideAt('2026-03-22', factsOf('2026-03-01', { entries }), edited)).toMatchObject({
      effect: { kind: 'stay' },
      nextStage: 'third'
    })
  })

  it('enters a new stage that is later than the removed one', () => {
    const edited = policyOf([stage('new', 11)])
    expect(decideAt('2026-03-12', factsOf('2026-03-01', { entries }), edited).effect).toMatchObject({ stage: 'new', skipped: [] })
  })

  it('starts at the bottom where nothing of the policy is as early as the removed stage', () => {
    const edited = policyOf([stage('late', 30)])
    const decision = decideAt('2026-03-12', factsOf('2026-03-01', { entries, overdueAnnounced: true }), edited)
    expect(decision).toMatchObject({ effect: { kind: 'stay' }, stage: 'second', nextAt: at('2026-03-31', '09:00') })
  })

  it('numbers the repetitions of a stage that was never entered from one', () => {
    const edited = policyOf([stage('first', 3), stage('weekly', 9, { repeatEveryDays: 7 })])
    expect(decideAt('2026-03-18', factsOf('2026-03-01', { entries }), edited).effect).toMatchObject({
      stage: 'weekly',
      repetition: 1
    })
  })
})

describe('imports', () => {
  const context = { policy: defaultPolicy, calendar: weekdays, asOf: at('2026-11-21', '12:00') }

  it('start from the stage that 200 days say, and are silent until the next one', () => {
    const facts = factsOf('2026-05-05', { overdueAnnounced: true })
    expect(baselineStage(facts, context)?.code).toBe('handover')
    const imported = { ...facts, entries: [entry('handover', '2026-11-21', { offsetDays: 60 })] }
    expect(decide(imported, context)).toMatchObject({ effect: { kind: 'stay' }, nextAt: null, rule: 'ladder_done' })
  })

  it('make one entry, and not five, where they start as normal', () => {
    const { log } = sweepDaily(
      { from: '2026-11-21', days: 60 },
      { facts: factsOf('2026-05-05', { overdueAnnounced: true }), policy: defaultPolicy, calendar: weekdays }
    )
    expect(log).toEqual(['2026-11-23 handover (skipped reminder, second, final)'])
  })

  it('start below the ladder where no stage is reached, or only one that the due date has ended', () => {
    expect(baselineStage(factsOf('2026-12-20'), context)).toBeNull()
    expect(baselineStage(factsOf('2026-11-20'), context)).toBeNull()
    expect(baselineStage(factsOf('2026-11-22'), context)?.code).toBe('courtesy')
    expect(baselineStage(factsOf('2026-05-05', { balanceMinor: 0n }), context)).toBeNull()
  })

  it('look at the age alone, whatever blocks an entry', () => {
    const facts = factsOf('2026-11-11', { dunning: 'off', exemptUntilOn: day('2027-01-01') })
    expect(baselineStage(facts, context)?.code).toBe('second')
  })
})

describe('whatIsNext', () => {
  it('is past or present exactly when something is due', () => {
    const facts = factsOf('2026-03-01')
    const context = (on: string) => ({ policy: jump, calendar: openEveryDay, asOf: at(on, '12:00') })
    expect(whatIsNext(facts, context('2026-02-01')).nextAt).toEqual(at('2026-03-02', '00:00'))
    expect(whatIsNext(facts, context('2026-03-10')).nextAt).toEqual(at('2026-03-02', '00:00'))
    expect(whatIsNext({ ...facts, overdueAnnounced: true }, context('2026-03-10')).nextAt).toEqual(at('2026-03-10', '09:00'))
    expect(whatIsNext({ ...facts, balanceMinor: 0n }, context('2026-03-10')).nextAt).toBeNull()
  })
})
