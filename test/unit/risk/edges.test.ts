import { describe, expect, it, test } from 'vitest'
import { currency } from '../../../src/kernel/money.ts'
import {
  clientFromLedger,
  clientOn,
  newClient,
  withIssued,
  withoutIssued,
  withSettled
} from '../../../src/modules/risk/client-state.ts'
import { createExpectations, createSeriousChances } from '../../../src/modules/risk/expectation.ts'
import { observe } from '../../../src/modules/risk/features.ts'
import { aloneOf, type LedgerClaim } from '../../../src/modules/risk/invoice-facts.ts'
import { models } from '../../../src/modules/risk/model.ts'
import { openPosition } from '../../../src/modules/risk/open-position.ts'
import { daysBeyondTerms, paymentIndex } from '../../../src/modules/risk/payment-index.ts'
import { scoreOf } from '../../../src/modules/risk/score.ts'
import { type Situation, situationOn } from '../../../src/modules/risk/situation.ts'
import { asScored, ledgerClaim, paidClaim, priorScoring, settled, situationOf, TODAY, thresholds } from './builders.ts'

function scored(ledger: readonly LedgerClaim[], others: readonly LedgerClaim[] = []) {
  return scoreOf(situationOf(ledger, { others }), priorScoring())
}

function feature(name: string, situation: Situation, level = 0): number {
  const index = models.v2.features.findIndex((one) => one.name === name)
  return observe(situation, { model: models.v2, level }).x[index] ?? Number.NaN
}

const usd = currency('USD')

describe('who is hardly known', () => {
  it('is scored as the ledger is, with a thin file, when nothing was ever invoiced', () => {
    const { score, late, seriouslyLate, confidence, isThinFile, reasons } = scored([])
    expect(late).toBeCloseTo(0.3, 2)
    expect(seriouslyLate).toBeCloseTo(0.08, 2)
    expect(score).toBe(Math.round(500 + (40 / Math.LN2) * (Math.log(late / (1 - late)) - Math.log(0.25))))
    expect([confidence, isThinFile, reasons]).toEqual([0, true, []])
  })

  it('moves with the first invoice, and not beyond what one invoice can say', () => {
    const [good, unknown, bad] = [scored([paidClaim(0)]), scored([]), scored([paidClaim(40)])]
    expect(good.score).toBeLessThan(unknown.score)
    expect(bad.score).toBeGreaterThan(unknown.score)
    expect(bad.isThinFile).toBe(true)
  })

  it('is not judged by invoices that are open and not yet due', () => {
    const open = Array.from({ length: 5 }, () => ledgerClaim({ dueOn: TODAY + 10 }))
    expect(scored(open).confidence).toBe(0)
    expect(feature('hist', situationOf(open))).toBe(0)
  })

  it('is judged by overdue ones as far as they have come', () => {
    const overdue = [ledgerClaim({ dueOn: TODAY - 20 })]
    expect(feature('hist', situationOf(overdue), 0)).toBeGreaterThan(0)
    expect(feature('hist', situationOf(overdue), 30)).toBe(0)
    expect(feature('over_share', situationOf(overdue))).toBe(1)
  })

  it('stays finite when all there is are disputes', () => {
    const disputes = [ledgerClaim({ disputed: true }), paidClaim(3, { disputed: true })]
    expect(feature('dispute', situationOf(disputes))).toBeCloseTo((2 + 0.1) / 4 - 0.05, 12)
    expect(Number.isInteger(scored(disputes).score)).toBe(true)
  })
})

describe('extreme records', () => {
  const many = (delay: number) =>
    Array.from({ length: 60 }, (_, n) => paidClaim(delay, { issuedOn: TODAY - 300, dueOn: TODAY - 270 + 3 * n }))

  it('all late is near the top and none late near the bottom, both in bounds', () => {
    const [late, never] = [scored(many(45)), scored(many(0))]
    expect(late.score).toBeGreaterThan(600)
    expect(late.score).toBeLessThanOrEqual(1000)
    expect(late.band).toBe('severe')
    expect(never.score).toBeLessThan(400)
    expect(never.band).toBe('low')
    expect(never.confidence).toBeGreaterThan(0.9)
  })

  it('an organization’s only client is measured against itself, which leaves little to tell it by', () => {
    const [alone, among] = [
      scored(many(45)),
      scored(
        many(45),
        Array.from({ length: 300 }, () => paidClaim(0))
      )
    ]
    const points = (score: typeof alone, name: string) =>
      score.factors.find((factor) => factor.name === name)?.points ?? Number.NaN
    expect(points(alone, 'offset')).toBeGreaterThan(points(among, 'offset'))
    expect(points(alone, 'hist')).toBeLessThan(points(among, 'hist'))
  })
})

describe('a client who pays many invoices on one day', () => {
  /** Ten invoices, each due four days after the other, paid together four days after the last was due. */
  const bundle = (paidOn: number) =>
    Array.from({ length: 10 }, (_, n) => {
      const dueOn = paidOn - 40 + 4 * n
      return ledgerClaim({ dueOn, issuedOn: dueOn - 30, settledOn: paidOn })
    })

  it('has made one payment, late by the mean of its invoices, and not eight by the newest of them', () => {
    const situation = situationOf([...bundle(TODAY - 100), ...bundle(TODAY - 60), ...bundle(TODAY - 20)])
    expect(situation.position.lastDelayDays).toEqual([22, 22, 22])
    const { expectedOn } = createExpectations(situation, createSeriousChances(situation, 30))({ dueOn: TODAY + 10 })
    expect(expectedOn).toBe(TODAY + 32)
    // By the newest invoices, none of these payments would be more than 15 days late.
    expect(feature('last', situation, 15)).toBeGreaterThan(0)
  })

  it('is neither faster nor slower than before because another bundle came', () => {
    expect(feature('trend', situationOf(bundle(TODAY - 60)))).toBeCloseTo(
      feature('trend', situationOf([...bundle(TODAY - 60), ...bundle(TODAY - 20)])),
      1
    )
  })

  it('who owes a bundle is as late as all of it, and not as its newest invoice', () => {
    const overdue = [1, 20, 90].map((days) => ledgerClaim({ dueOn: TODAY - days }))
    expect(situationOf(overdue).position.lastDelayDays).toEqual([37])
    expect(situationOf([...bundle(TODAY - 60), ...overdue]).position.lastDelayDays).toEqual([22, 37])
  })
})

describe('money', () => {
  it('of two currencies is never added: each counts in usual invoices of its own', () => {
    const ledger = [
      paidClaim(0, { amount: 100 }),
      ledgerClaim({ amount: 100, dueOn: TODAY + 5 }),
      paidClaim(0, { amount: 1e6, currency: usd }),
      ledgerClaim({ amount: 1e6, currency: usd })
    ]
    const { position } = situationOf(ledger)
    expect([position.openRatio, position.overdueRatio]).toEqual([2, 1])
    expect(feature('over_share', situationOf(ledger))).toBe(0.5)
    const invoice = asScored(ledgerClaim({ amount: 1e6, currency: usd }))
    expect(feature('amt_own', situationOf(ledger, { invoice }))).toBe(0)
    expect(feature('amt_own', situationOf(ledger, { invoice: { ...invoice, currency: currency('JPY') } }))).toBe(0)
  })

  it('of nothing, after a credit, leaves every figure finite', () => {
    const nothing = [ledgerClaim({ amount: 0 }), paidClaim(5, { amount: 0 }), paidClaim(0, { amount: 0 })]
    const situation = situationOf(nothing, { invoice: asScored(ledgerClaim({ amount: 0 })) })
    expect(observe(situation, { model: models.v2, level: 0 }).x.every(Number.isFinite)).toBe(true)
    expect(feature('over_share', situation)).toBe(0)
    expect(daysBeyondTerms(situation.client)).toBeUndefined()
  })

  it('leaves every figure finite where the largest invoices there may be were taken back beside the smallest', () => {
    const [small, tiny] = [ledgerClaim({ amount: 1.9 }), ledgerClaim({ amount: 0.01 })]
    const large = Array.from({ length: 100 }, () => ledgerClaim({ amount: 1e15 - 1 }))
    let state = newClient(TODAY, thresholds)
    for (const claim of [small, tiny, ...large]) state = withIssued(state, claim)
    for (const claim of [...large, small]) state = withoutIssued(state, claim)
    const { organization } = situationOf([tiny])
    const invoice = asScored(ledgerClaim({ issuedOn: TODAY }))
    const situation = situationOn({ state, open: [aloneOf(tiny)] }, { day: TODAY, organization, thresholds, invoice })
    expect(observe(situation, { model: models.v2, level: 0 }).x.every(Number.isFinite)).toBe(true)
  })

  it('of an invoice that the record does not hold yet is not taken out of it', () => {
    const record = { state: clientFromLedger([ledgerClaim({ amount: 2 })], { day: TODAY, thresholds }), open: [] }
    const { organization } = situationOf([])
    const invoice = asScored(ledgerClaim({ amount: 900 }))
    const situation = situationOn(record, { day: TODAY, organization, thresholds, invoice })
    expect(situation.client.issued.byCurrency).toEqual({ EUR: { count: 1, amount: 2 } })
    expect(feature('amt_own', situation)).toBeGreaterThan(0.9)
  })

  it('weighs the days beyond terms', () => {
    const { client } = situationOf([paidClaim(30, { amount: 300 }), paidClaim(0, { amount: 100 })])
    expect(daysBeyondTerms(client)).toBeCloseTo(22.5, 12)
    expect([-40, -20, 0, 15, 22, 26, 30, 500].map(paymentIndex)).toEqual([100, 90, 80, 70, 60, 55, 50, 20])
  })
})

describe('days', () => {
  test('a payment of today counts tomorrow, and until then its invoice is open', () => {
    const claim = paidClaim(0, { issuedOn: TODAY - 30, dueOn: TODAY })
    let state = withIssued(newClient(TODAY - 40, thresholds), claim)
    state = clientOn(withSettled(state, { claim: settled(claim), thresholds }), { day: TODAY, thresholds })
    expect(state.settled.count).toBe(0)
    expect(openPosition(state, { open: [], thresholds }).openRatio).toBe(1)
    state = clientOn(state, { day: TODAY + 1, thresholds })
    expect(state.settled.count).toBe(1)
    expect(openPosition(state, { open: [], thresholds }).openRatio).toBe(0)
  })

  test('a payment dated in the future changes nothing before its day', () => {
    const [open, future] = [ledgerClaim({ number: 'F' }), ledgerClaim({ number: 'F', settledOn: TODAY + 20 })]
    expect(scored([future])).toEqual(scored([open]))
  })

  test('what is due today is not overdue, and tomorrow it is', () => {
    const [today, yesterday] = [0, 1].map((ago) => situationOf([ledgerClaim({ dueOn: TODAY - ago })]).position)
    expect([today?.overdue, yesterday?.overdue.map(({ days }) => days)]).toEqual([[], [1]])
    expect([today?.lastDelayDays, yesterday?.lastDelayDays]).toEqual([[], [1]])
  })

  test('an invoice that is issued today is no history of another of today', () => {
    const invoice = asScored(ledgerClaim({ issuedOn: TODAY, dueOn: TODAY + 30 }))
    const twin = ledgerClaim({ issuedOn: TODAY, dueOn: TODAY + 30 })
    expect(feature('same_due', situationOf([twin], { invoice }))).toBe(0)
    expect(feature('same_due', situationOf([{ ...twin, issuedOn: TODAY - 1 }], { invoice }))).toBeGreaterThan(0)
  })

  test('an invoice that is scored again is measured against the others, not against itself', () => {
    const [invoice, ...others] = [ledgerClaim({ amount: 900, dueOn: TODAY - 5 }), paidClaim(3), ledgerClaim({ dueOn: TODAY + 4 })]
    const [among, alone] = [[invoice, ...others], others].map((ledger) => situationOf(ledger, { invoice: asScored(invoice) }))
    const values = (situation: Situation | undefined) =>
      situation && observe(situation, { model: models.v1, level: 0 }).x.slice(0, 13)
    expect(values(among)).toEqual(values({ ...among, ...alone, organization: among?.organization } as Situation))
  })

  test('a season is said nothing of in a ledger’s first year', () => {
    const invoice = asScored(ledgerClaim({ dueOn: TODAY + 20 }))
    const [first, second] = [364, 366].map((ago) => situationOf([ledgerClaim({ issuedOn: TODAY - ago })], { invoice }))
    const season = (situation: Situation | undefined) =>
      situation && ['season_1', 'season_0'].map((name) => feature(name, situation))
    expect(season(first)).toEqual([0, 0])
    expect(
      season(second)
        ?.map(Math.abs)
        .every((value) => value > 0)
    ).toBe(true)
  })

  test('like terms say nothing of a client who knows one kind, and of another how it differs there', () => {
    const month = (delay: number) => paidClaim(delay, { issuedOn: TODAY - 100, dueOn: TODAY - 70 })
    const week = (delay: number) => paidClaim(delay, { issuedOn: TODAY - 77, dueOn: TODAY - 70 })
    const invoice = asScored(ledgerClaim({ issuedOn: TODAY, dueOn: TODAY + 30 }))
    const said = (ledger: LedgerClaim[]) => feature('like_terms', situationOf(ledger, { invoice }))
    expect(said([month(0), month(9), month(20)])).toBe(0)
    expect(said([month(9), month(20), week(0), week(0)])).toBeGreaterThan(0)
    expect(said([month(0), month(0), week(9), week(20)])).toBeLessThan(0)
  })

  test('the past is not reached by going on', () => {
    expect(() => clientOn(newClient(TODAY, thresholds), { day: TODAY - 1, thresholds })).toThrow('rebuilt from the ledger')
  })

  test('a written-off invoice is late at every level', () => {
    const situation = situationOf([ledgerClaim({ settledOn: TODAY - 60, isWrittenOff: true })])
    expect(situation.client.settled.lateWeights.every((weight) => weight === situation.client.settled.weight)).toBe(true)
  })
})

describe('the expected pay day', () => {
  it('is what the client usually does', () => {
    const situation = situationOf([4, 5, 6, 7].map((delay) => paidClaim(delay)))
    expect(createExpectations(situation, createSeriousChances(situation, 30))({ dueOn: TODAY + 10 }).expectedOn).toBe(TODAY + 15)
  })

  it('is not before today once the client is later than usual', () => {
    const situation = situationOf([4, 5, 6].map((delay) => paidClaim(delay)))
    expect(
      createExpectations(situation, createSeriousChances(situation, 30))({ dueOn: TODAY - 25 }).expectedOn
    ).toBeGreaterThanOrEqual(TODAY)
  })
})
