import fc from 'fast-check'
import { currency } from '../../../src/kernel/money.ts'
import { clientFromLedger } from '../../../src/modules/risk/client-state.ts'
import type { Claim, LedgerClaim, Settled } from '../../../src/modules/risk/invoice-facts.ts'
import { aloneOf, settlementOf, together } from '../../../src/modules/risk/invoice-facts.ts'
import { thresholdsFor } from '../../../src/modules/risk/levels.ts'
import { type ModelVersion, models } from '../../../src/modules/risk/model.ts'
import { organizationTerms } from '../../../src/modules/risk/organization-state.ts'
import { createOrganizationWindow } from '../../../src/modules/risk/organization-window.ts'
import type { Scoring } from '../../../src/modules/risk/score.ts'
import { type ScoredInvoice, type Situation, situationOn } from '../../../src/modules/risk/situation.ts'
import { priorWeights } from '../../../src/modules/risk/weights.ts'

export const TODAY = 20_000
export const thresholds = thresholdsFor(30)
export const eur = currency('EUR')

let numbers = 0

export function ledgerClaim(facts: Partial<LedgerClaim> = {}): LedgerClaim {
  numbers += 1
  return {
    ...{ number: `N${String(numbers).padStart(6, '0')}`, issuedOn: TODAY - 100, dueOn: TODAY - 70, amount: 100, currency: eur },
    ...{ disputed: false, settledOn: null, isWrittenOff: false, ...facts }
  }
}

/** Paid `delay` days after it was due. */
export function paidClaim(delay: number, facts: Partial<LedgerClaim> = {}): LedgerClaim {
  const claim = ledgerClaim(facts)
  return { ...claim, settledOn: claim.dueOn + delay }
}

/** A client, and an organization that knows of `others` besides, at the start of a day. An invoice is open once it is issued. */
export function situationOf(
  rest: readonly LedgerClaim[],
  { day = TODAY, invoice, others = [] }: { day?: number; invoice?: ScoredInvoice; others?: readonly LedgerClaim[] } = {}
): Situation {
  const isThere = invoice === undefined || rest.some(({ number }) => number === invoice.number)
  const ledger = isThere ? rest : [...rest, { ...invoice, settledOn: null, isWrittenOff: false }]
  const state = clientFromLedger(ledger, { day, thresholds })
  const open = together(ledger.filter(({ settledOn }) => settledOn === null).map((claim) => aloneOf(claim)))
  const organization = createOrganizationWindow({ from: day - 2000, thresholds })
  for (const claim of [...ledger, ...others]) {
    for (const term of organizationTerms(settlementOf(claim) ?? unsettled(claim), thresholds)) organization.add(term)
  }
  const facts = { day, organization: organization.on(day), thresholds }
  return situationOn({ state, open }, invoice === undefined ? facts : { ...facts, invoice })
}

export function unsettled({ settledOn: _, isWrittenOff: __, ...claim }: LedgerClaim): Claim {
  return claim
}

export function settled(claim: LedgerClaim): Settled {
  const ended = settlementOf(claim)
  if (ended === undefined) throw new Error('The claim is open.')
  return ended
}

export function priorScoring(version: ModelVersion = 'v2'): Scoring {
  const model = models[version]
  const { values } = priorWeights(model, 30)
  return { model, seriousDays: 30, weights: { late: values, seriouslyLate: values } }
}

/** A claim of the last two years or of days to come; open, paid early, late or in the future, or given up. */
export const arbitraryClaim: fc.Arbitrary<LedgerClaim> = fc
  .record({
    issuedAgo: fc.integer({ min: -10, max: 700 }),
    terms: fc.integer({ min: 0, max: 120 }),
    paidAfter: fc.option(fc.integer({ min: 0, max: 400 }), { nil: null }),
    amount: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e6, noNaN: true })),
    currency: fc.constantFrom(eur, currency('USD'), currency('JPY')),
    disputed: fc.boolean(),
    isWrittenOff: fc.boolean()
  })
  .map(({ issuedAgo, terms, paidAfter, ...facts }) => {
    const issuedOn = TODAY - issuedAgo
    return ledgerClaim({
      ...facts,
      issuedOn,
      dueOn: issuedOn + terms,
      settledOn: paidAfter === null ? null : issuedOn + paidAfter
    })
  })

export const arbitraryLedger = fc.array(arbitraryClaim, { maxLength: 25 })

export function asScored(claim: LedgerClaim): ScoredInvoice {
  return { ...unsettled(claim), isDueOnClosedDay: claim.dueOn % 7 > 4, isDueAtMonthEnd: claim.dueOn % 30 === 0 }
}
