import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isLate, knownOn, settlementOf } from '../../../src/modules/risk/invoice-facts.ts'
import { lateRate, logTermsOf, meanDelayDays, organizationTerms } from '../../../src/modules/risk/organization-state.ts'
import { createOrganizationWindow } from '../../../src/modules/risk/organization-window.ts'
import { arbitraryLedger, TODAY, thresholds, unsettled } from './builders.ts'

it('an organization’s sums are what counting its ledger on that day gives', () => {
  fc.assert(
    fc.property(arbitraryLedger, fc.integer({ min: 0, max: 900 }), (ledger, ahead) => {
      const day = TODAY - 400 + ahead
      const claims = ledger.map((claim) => settlementOf(claim) ?? unsettled(claim))
      const window = createOrganizationWindow({ from: TODAY - 800, thresholds })
      for (const claim of claims) for (const term of organizationTerms(claim, thresholds)) window.add(term)
      window.on(TODAY - 500)
      const state = window.on(day)
      for (const [index, level] of thresholds.entries()) {
        const known = claims.filter((claim) => knownOn(claim, level) <= day && knownOn(claim, level) > day - 365)
        expect([state.known[index], state.late[index]]).toEqual([
          known.length,
          known.filter((claim) => isLate(claim, level)).length
        ])
      }
      const issued = claims.filter(({ issuedOn }) => issuedOn < day)
      expect(state.terms.count).toBe(issued.length)
      expect(state.firstIssuedOn).toBe(issued.length === 0 ? null : Math.min(...issued.map(({ issuedOn }) => issuedOn)))
      expect(state.terms.logSum).toBeCloseTo(
        issued.reduce((sum, claim) => sum + logTermsOf(claim), 0),
        9
      )
      expect(lateRate(state, { level: 0, thresholds })).toBeGreaterThan(0)
      expect(Number.isFinite(meanDelayDays(state))).toBe(true)
    }),
    { numRuns: 150 }
  )
})
