import { describe, expect, it } from 'vitest'
import { DomainError } from '../../../src/kernel/errors.ts'
import { checkPolicy, defaultPolicy, type Policy } from '../../../src/modules/dunning/policy.ts'
import {
  checkedPolicyFrom,
  type PolicyDocument,
  policyFromJson,
  policyToJson
} from '../../../src/modules/dunning/policy-document.ts'
import { eur, jpy, stage } from './builders.ts'

function refusalOf(act: () => unknown): DomainError {
  try {
    act()
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
  throw new Error('Nothing was refused.')
}

describe('checkPolicy', () => {
  it('lets the default policy through', () => {
    expect(() => checkPolicy(defaultPolicy)).not.toThrow()
  })

  const refused: [guarantee: string, change: Partial<Policy>, pointer: string][] = [
    ['a ladder without a rung', { stages: [] }, '/stages'],
    ['more rungs than twenty', { stages: Array.from({ length: 21 }, (_, index) => stage(`s${index}`, index)) }, '/stages'],
    ['two stages on one offset', { stages: [stage('a', 3), stage('b', 3)] }, '/stages/1/offset_days'],
    ['a ladder that goes down', { stages: [stage('a', 3), stage('b', 10), stage('c', 4)] }, '/stages/2/offset_days'],
    ['one code for two stages', { stages: [stage('a', 3), stage('b', 4), stage('a', 10)] }, '/stages/2/code'],
    ['a blank code', { stages: [stage(' ', 3)] }, '/stages/0/code'],
    ['a code with a line break', { stages: [stage('a\nb', 3)] }, '/stages/0/code'],
    ['a code longer than a column', { stages: [stage('x'.repeat(65), 3)] }, '/stages/0/code'],
    ['half days', { stages: [stage('a', 1.5)] }, '/stages/0/offset_days'],
    ['an offset beyond ten years', { stages: [stage('a', 3651)] }, '/stages/0/offset_days'],
    ['a negative grace', { stages: [stage('a', 3, { graceDays: -1 })] }, '/stages/0/grace_days'],
    [
      'a repetition in the middle',
      { stages: [stage('a', 3, { repeatEveryDays: 7 }), stage('b', 9)] },
      '/stages/0/repeat_every_days'
    ],
    ['a repetition every day and more', { stages: [stage('a', 3, { repeatEveryDays: 0 })] }, '/stages/0/repeat_every_days'],
    ['a repetition before the due date', { stages: [stage('a', -3, { repeatEveryDays: 1 })] }, '/stages/0/repeat_every_days'],
    ['a negative spacing', { minDaysBetween: -1 }, '/min_days_between'],
    ['a spacing that is not a number', { minDaysBetween: Number.NaN }, '/min_days_between'],
    ['a negative minimum', { minBalanceMinor: new Map([[eur, -1n]]) }, '/min_balance/EUR'],
    ['an hour that no clock shows', { sendAt: '24:00' }, '/send_at'],
    ['a policy without a name', { name: '' }, '/name']
  ]
  it.each(refused)('refuses %s and points at it', (_, change, pointer) => {
    expect(refusalOf(() => checkPolicy({ ...defaultPolicy, ...change }))).toMatchObject({ code: 'invalid_policy', pointer })
  })

  it('takes the organization’s own words as codes', () => {
    expect(() => checkPolicy({ ...defaultPolicy, stages: [stage('1. Mahnung', 10), stage('اخطار', 20)] })).not.toThrow()
  })
})

describe('the policy document', () => {
  it('keeps every field of a policy on the way out and in', () => {
    const policy: Policy = {
      ...defaultPolicy,
      progression: 'sequential',
      businessDays: false,
      dueOnClosedDay: 'next_open',
      sendAt: '17:45',
      minBalanceMinor: new Map([
        [eur, 500n],
        [jpy, 12n]
      ]),
      stages: [stage('a', -2), stage('b', 9, { graceDays: 4, action: 'end_service', repeatEveryDays: 30 })]
    }
    expect(policyFromJson(policyToJson(policy))).toEqual(policy)
    expect(policyToJson(policy).min_balance).toEqual({ EUR: '5.00', JPY: '12' })
    expect(JSON.parse(JSON.stringify(policyToJson(policy)))).toEqual(policyToJson(policy))
  })

  it('stores the defaults with the version, so that changing them later moves nobody', () => {
    const document: PolicyDocument = { name: 'Short', stages: [{ code: 'a', offset_days: 5, tone: 'firm' }] }
    expect(policyToJson(policyFromJson(document))).toEqual({
      name: 'Short',
      progression: 'jump',
      min_days_between: 3,
      min_balance: {},
      business_days: true,
      due_on_closed_day: 'as_is',
      send_at: '09:00',
      disputed_part: 'exclude',
      contact_limits: null,
      stages: [{ code: 'a', offset_days: 5, tone: 'firm', grace_days: 0, action: null, repeat_every_days: null, audience: [] }]
    })
  })

  it('points at the amount that is none', () => {
    const base = policyToJson(defaultPolicy)
    const precise = refusalOf(() => checkedPolicyFrom({ ...base, min_balance: { EUR: '5.001' } }))
    const foreign = refusalOf(() => checkedPolicyFrom({ ...base, min_balance: { 'E/R': '5' } }))
    expect(precise).toMatchObject({ code: 'invalid_amount', pointer: '/min_balance/EUR' })
    expect(foreign).toMatchObject({ code: 'unknown_currency', pointer: '/min_balance/E~1R' })
  })

  it('that breaks the rules is refused where a caller sends it, and read where it was stored', () => {
    const old = { ...policyToJson(defaultPolicy), min_days_between: 1_000, min_balance: { HRK: '5.00' } }
    expect(refusalOf(() => checkedPolicyFrom(old))).toMatchObject({ code: 'unknown_currency' })
    expect(refusalOf(() => checkedPolicyFrom({ ...old, min_balance: {} }))).toMatchObject({ pointer: '/min_days_between' })
    expect(policyToJson(policyFromJson(old))).toEqual(old)
  })
})
