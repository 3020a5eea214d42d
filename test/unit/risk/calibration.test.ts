import { describe, expect, it, test } from 'vitest'
import { openLedger } from '../../../src/demo/ledger.ts'
import { sampleLedger } from '../../../src/demo/sample-ledger.ts'
import { replayedInvoices } from '../../../src/evaluate/invoices.ts'
import type { ReplayedInvoice } from '../../../src/evaluate/replay.ts'
import { chanceLater, type DelayCurve, organizationCurve, shareLater } from '../../../src/modules/risk/delay-curve.ts'
import { createExpectations, createSeriousChances } from '../../../src/modules/risk/expectation.ts'
import { EDGES } from '../../../src/modules/risk/levels.ts'
import { organizationTerms } from '../../../src/modules/risk/organization-state.ts'
import { createOrganizationWindow } from '../../../src/modules/risk/organization-window.ts'
import { type Agreement, agreementByAge } from '../../support/mornings.ts'
import { hasRealLedgers, realLedgers } from '../../support/real-ledgers.ts'
import { asScored, paidClaim, settled, situationOf, TODAY, thresholds } from './builders.ts'

const TOLERANCE = 0.015

/** Day by day, those that differ by more than the tolerance and `chance` standard errors of as many mornings. */
function disagreements(found: readonly Agreement[], chance = 0): string[] {
  return found.flatMap(({ age, mornings, predicted, actual }) => {
    const error = Math.sqrt((actual * (1 - actual)) / mornings)
    const isNear = Math.abs(predicted - actual) <= TOLERANCE + chance * error
    return isNear ? [] : [`${age} days after due, ${mornings} mornings: ${predicted.toFixed(4)} instead of ${actual.toFixed(4)}`]
  })
}

const TERMS = 30
const YEAR = 365

const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2

/**
 * Two years of clients with steady habits, three invoices a week each: four in five are paid by the due day, some as early as on the day after
 * the issue, the others up to 8 days late. Delays are spread by multiples of the golden ratio instead of at random, so that shares of a few
 * hundred invoices are those of many.
 */
function steadyLedger(): ReplayedInvoice[] {
  return Array.from({ length: 12 }).flatMap((_, n) =>
    Array.from({ length: 320 }, (_, index) => {
      const dueOn = TODAY - 2 * YEAR + Math.floor((index * 7) / 3)
      const share = ((index + n / 12) * GOLDEN_RATIO) % 1
      const delay = share < 0.8 ? -Math.floor((share / 0.8) * TERMS) : 1 + Math.floor(((share - 0.8) / 0.2) * 8)
      const claim = paidClaim(delay, { dueOn, issuedOn: dueOn - TERMS })
      return { ...asScored(claim), client: `C${n}`, ended: settled(claim) }
    })
  )
}

function delayOf({ ended }: ReplayedInvoice): number {
  return ended === undefined ? Number.POSITIVE_INFINITY : ended.settledOn - ended.dueOn
}

/** The organization's curve when all of the ledger is known, and within its window. */
function curveOf(invoices: readonly ReplayedInvoice[]): DelayCurve {
  const organization = createOrganizationWindow({ from: 0, thresholds })
  for (const invoice of invoices) {
    for (const term of organizationTerms(invoice.ended ?? invoice, thresholds)) organization.add(term)
  }
  const last = Math.max(...invoices.map(({ dueOn, ended }) => Math.max(dueOn + 91, ended?.settledOn ?? 0)))
  return organizationCurve(organization.on(last + 1), thresholds)
}

describe('of the invoices that are unpaid on a morning', () => {
  it.each([0, 3, 5])(
    'as many end more than %i days late as was predicted with what was known, on every day from issue to 60 days late',
    (level) => {
      const found = agreementByAge(steadyLedger(), { level, from: TODAY - YEAR })
      const asked = found.filter(({ age }) => age <= 60)
      expect([asked[0]?.age, asked.at(-1)?.age]).toEqual([1 - TERMS, 8])
      expect(disagreements(asked)).toEqual([])
    }
  )

  // The curve is kept at its edges: the share that is paid later than a day between two of them is between theirs.
  it.each([0, 15, 30])(
    'as many end more than %i days late as the curve of the sample ledger says, on every day from issue to 60 days late',
    (level) => {
      const invoices = replayedInvoices(sampleLedger({ seed: 1, spanDays: 200 }))
      const curve = curveOf(invoices)
      const share = (age: number) => {
        const unpaid = invoices.filter((invoice) => delayOf(invoice) >= age)
        return unpaid.filter((invoice) => delayOf(invoice) > level).length / unpaid.length
      }
      for (let age = -30; age <= 60; age += 1) {
        const predicted = chanceLater(curve, { days: level, age })
        const from = EDGES.findLast((edge) => edge < age) ?? EDGES[0]
        const to = EDGES.find((edge) => edge >= age - 1) ?? 60
        const [least, most] = age > level ? [1, 1] : [share(from + 1), share(Math.min(level, to) + 1)]
        expect(predicted, `${age} days after due`).toBeGreaterThanOrEqual(least - TOLERANCE)
        expect(predicted, `${age} days after due`).toBeLessThanOrEqual(most + TOLERANCE)
      }
    }
  )

  it.runIf(hasRealLedgers).each([
    ['br-ar-2018-2019.csv', 30],
    ['ibm-ar.csv', 15]
  ])(
    'as many of %s end more than %i days late as was predicted with what was known, but for what chance explains',
    async (file, level) => {
      const { rows } = await openLedger(`${realLedgers}${file}`, { amounts: 'lenient' })
      const asked = agreementByAge(replayedInvoices(rows), { level }).filter(({ age }) => age >= -15 && age <= 60)
      expect(disagreements(asked, 2)).toEqual([])
      const dueMorning = asked.find(({ age }) => age === 0)
      if (level === 30) expect(dueMorning?.predicted).toBeCloseTo(dueMorning?.actual ?? Number.NaN, 2)
    },
    60_000
  )
})

test('a client who pays every invoice on its due day is no worse on the due morning than on the day before', () => {
  const ledger = Array.from({ length: 60 }, (_, n) => paidClaim(0, { dueOn: TODAY - 5 - 4 * n, issuedOn: TODAY - 35 - 4 * n }))
  const situation = situationOf(ledger)
  const seriousChance = createSeriousChances(situation, 30)
  const expect30 = createExpectations(situation, seriousChance)
  const chance = (age: number) => seriousChance({ dueOn: TODAY - age })
  expect(chance(0) - chance(-1)).toBeLessThan(0.001)
  expect(chance(0)).toBeLessThan(0.01)
  const { earlyOn, expectedOn, lateOn } = expect30({ dueOn: TODAY })
  expect([earlyOn, expectedOn, lateOn]).toEqual([TODAY, TODAY, TODAY])
  expect(shareLater(organizationCurve(situation.organization, thresholds), -1)).toBeGreaterThan(0.8)
})
