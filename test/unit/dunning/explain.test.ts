import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openEveryDay } from '../../../src/kernel/calendar.ts'
import { day, startOfDay } from '../../../src/kernel/day.ts'
import { decide, type ObligationFacts } from '../../../src/modules/dunning/decide.ts'
import { explain } from '../../../src/modules/dunning/explain.ts'
import { defaultPolicy, type Policy } from '../../../src/modules/dunning/policy.ts'
import { arbitraryScenario } from './arbitraries.ts'
import { at, entry, eur, factsOf, policyOf, stage, weekdays } from './builders.ts'

const jump = policyOf([stage('courtesy', -3), stage('first', 3), stage('final', 10, { graceDays: 10 }), stage('handover', 12)])

function whyAt(
  asOf: Date,
  facts: ObligationFacts,
  { policy = jump, calendar = openEveryDay }: { policy?: Policy; calendar?: typeof weekdays } = {}
) {
  return explain(facts, { policy, calendar, asOf }).why
}

function rulesOf(why: ReturnType<typeof whyAt>): string[] {
  return why.map(({ rule, stage: code }) => (code === null ? rule : `${rule} ${code}`))
}

const told = { overdueAnnounced: true }

describe('why', () => {
  it('names the entry, what it passed over, and what the next stage waits for', () => {
    const why = whyAt(at('2026-03-11', '12:00'), factsOf('2026-03-01'))
    expect(rulesOf(why)).toEqual(['overdue', 'stage_entered final', 'stages_skipped final', 'grace handover'])
    expect(why[3]?.compared).toEqual({
      last_entered_on: '2026-03-11',
      by_age_on: '2026-03-13',
      opens_on: '2026-03-21',
      today: '2026-03-11'
    })
    expect(why.map(({ detail }) => detail)).toEqual([
      'It was due on 2026-03-01 and is overdue since 2026-03-02, whatever the policy says.',
      'final is entered: it opened on 2026-03-11, and entries are made from 09:00 on.',
      'first had opened too and is passed over: the policy jumps to the stage that the age says.',
      'final of 2026-03-11 grants 10 days, until 2026-03-21; handover waits for its end.'
    ])
  })

  it('names the offset, and the stage that the due date has ended', () => {
    expect(rulesOf(whyAt(at('2026-03-02', '12:00'), factsOf('2026-03-01', told)))).toEqual([
      'before_due_only courtesy',
      'offset first'
    ])
  })

  it('names the hour on the day itself', () => {
    expect(rulesOf(whyAt(at('2026-03-04', '08:00'), factsOf('2026-03-01', told)))).toEqual([
      'before_due_only courtesy',
      'offset first',
      'send_at first'
    ])
  })

  it('names the closed day, both for a stage that falls on it and for one that comes late', () => {
    // 2026-03-07 is a Saturday.
    const options = { policy: { ...jump, businessDays: true }, calendar: weekdays }
    const falls = whyAt(at('2026-03-05', '12:00'), factsOf('2026-03-04', told), options)
    const late = whyAt(at('2026-03-07', '12:00'), factsOf('2026-03-02', told), options)
    expect(rulesOf(falls)).toEqual(['before_due_only courtesy', 'offset first', 'business_days first'])
    expect(rulesOf(late)).toEqual(['before_due_only courtesy', 'offset first', 'business_days first'])
    expect(late[2]?.compared).toEqual({ open_on: '2026-03-09', today: '2026-03-07' })
  })

  it('names the spacing', () => {
    const facts = factsOf('2026-03-01', { ...told, entries: [entry('first', '2026-03-10', { offsetDays: 3 })] })
    const why = whyAt(at('2026-03-11', '12:00'), facts, { policy: { ...jump, minDaysBetween: 3 } })
    expect(rulesOf(why)).toEqual(['min_days_between final'])
    expect(why[0]?.detail).toBe(
      'final waits until 2026-03-13: two entries are at least 3 days apart, and the last was on 2026-03-10.'
    )
  })

  it('names the repetition', () => {
    const policy = policyOf([stage('weekly', 3, { repeatEveryDays: 7 })])
    const facts = factsOf('2026-03-01', { ...told, entries: [entry('weekly', '2026-03-04')] })
    expect(rulesOf(whyAt(at('2026-03-05', '12:00'), facts, { policy }))).toEqual(['repeat weekly'])
    expect(whyAt(at('2026-03-11', '12:00'), facts, { policy })[0]?.detail).toContain('weekly is entered, repetition 2')
  })

  it('names what shuts the whole ladder, and what would open it', () => {
    const policy = { ...jump, minBalanceMinor: new Map([[eur, 500n]]) }
    const asOf = at('2026-03-05', '12:00')
    expect(rulesOf(whyAt(asOf, factsOf('2026-03-01', { ...told, dunning: 'off' })))).toEqual(['dunning_off'])
    const [below] = whyAt(asOf, factsOf('2026-03-01', { ...told, balanceMinor: 499n }), { policy })
    expect(below).toMatchObject({ rule: 'below_minimum', compared: { balance: '4.99', min_balance: '5.00', currency: 'EUR' } })
    const exempt = whyAt(asOf, factsOf('2026-03-01', { ...told, exemptUntilOn: day('2026-03-20') }))
    expect(rulesOf(exempt)).toEqual(['exempt', 'before_due_only courtesy', 'offset first'])
    expect(rulesOf(whyAt(asOf, factsOf('2026-03-01', { balanceMinor: 0n })))).toEqual(['closed'])
    const done = factsOf('2026-03-01', { ...told, entries: [entry('handover', '2026-03-04', { offsetDays: 12 })] })
    expect(rulesOf(whyAt(asOf, done))).toEqual(['ladder_done handover'])
  })

  it('says that the balance is below the minimum only where the balance itself is', () => {
    const policy = { ...jump, minBalanceMinor: new Map([[eur, 500n]]) }
    const asOf = at('2026-03-05', '12:00')
    const held = {
      scope: 'invoices',
      resume: 'by_age',
      restoresService: false,
      createdAt: at('2026-03-01', '00:00'),
      reviewDueAt: null
    } as const
    const dispute = { ...held, id: 'd', reason: 'dispute', fromOn: day('2026-03-02'), throughOn: null }
    const disputed = { ...told, holds: [{ ...dispute, amountMinor: 9_600n }] }
    const whys = [{ ...told, creditMinor: 10_000n }, disputed, { ...disputed, creditMinor: 100n }].map(
      (rest) => whyAt(asOf, factsOf('2026-03-01', rest), { policy })[0]
    )
    expect(whys.map((why) => [why?.rule, why?.detail])).toEqual([
      [
        'covered_by_credit',
        'Of 100.00 EUR, 100.00 is covered by credit that is not applied: the 0.00 EUR left is not above the minimum of 5.00.'
      ],
      ['held_in_part', 'Of 100.00 EUR, 96.00 is disputed: the 4.00 EUR left is not above the minimum of 5.00.'],
      [
        'held_in_part',
        'Of 100.00 EUR, 96.00 is disputed and 1.00 is covered by credit that is not applied: the 3.00 EUR left is not above the minimum of 5.00.'
      ]
    ])
  })

  it('always says something, and leaves the decision as decide makes it', () => {
    fc.assert(
      fc.property(arbitraryScenario, fc.integer({ min: 0, max: 1500 }), ({ facts, policy, calendar, startOn }, hours) => {
        const asOf = new Date(startOfDay(startOn, facts.timeZone).getTime() + hours * 3_600_000)
        const { decision, why } = explain(facts, { policy, calendar, asOf })
        expect(decision).toEqual(decide(facts, { policy, calendar, asOf }))
        expect(why.length).toBeGreaterThan(0)
        for (const { detail, changedBy } of why) {
          expect(detail).toMatch(/^\S.*\.$/)
          expect(changedBy).toMatch(/^[A-Z].*\.$/)
        }
      })
    )
  })

  it('is readable under the default policy', () => {
    const why = whyAt(at('2026-11-21', '12:00'), factsOf('2026-11-24', { timeZone: 'Europe/Berlin' }), {
      policy: defaultPolicy,
      calendar: weekdays
    })
    expect(why[0]?.detail).toBe('courtesy is for 2026-11-21, 3 days before the due date 2026-11-24.')
  })
})
