import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ClientState,
  clientFromLedger,
  clientOn,
  lacksRecent,
  newClient,
  withCounted,
  withIssued,
  withoutIssued,
  withRecent,
  withSettled
} from '../../../src/modules/risk/client-state.ts'
import { type AlikeLedger, type LedgerClaim, type Settled, settledAloneOf } from '../../../src/modules/risk/invoice-facts.ts'
import { arbitraryLedger, settled, TODAY, thresholds } from './builders.ts'

/** What happens to a claim, in the order of the list: each step needs those before it. */
type Fate = 'kept' | 'voided' | 'reversed' | 'paid again' | 'reversed and voided'
const fates: readonly Fate[] = ['kept', 'voided', 'reversed', 'paid again', 'reversed and voided']

type Step = Readonly<{ claim: LedgerClaim; kind: 'issue' | 'settle' | 'reopen' | 'void' }>

function stepsOf(claim: LedgerClaim, fate: Fate): { steps: Step[]; left: LedgerClaim[] } {
  const isPaid = claim.settledOn !== null
  const kinds: Step['kind'][] = ['issue', ...(isPaid ? (['settle'] as const) : [])]
  if (isPaid && fate !== 'kept') kinds.push('reopen')
  if (isPaid && fate === 'paid again') kinds.push('settle')
  const isVoid = fate === 'voided' || fate === 'reversed and voided'
  if (isVoid) kinds.push('void')
  const stays = fate === 'kept' || fate === 'paid again' ? claim : { ...claim, settledOn: null }
  return { steps: kinds.map((kind) => ({ claim, kind })), left: isVoid ? [] : [stays] }
}

/** Mixes the claims' steps, each claim's own in their order, with days passing in between. */
const arbitraryHistory = arbitraryLedger.chain((ledger) =>
  fc
    .tuple(
      fc.array(fc.constantFrom(...fates), { minLength: ledger.length, maxLength: ledger.length }),
      fc.infiniteStream(fc.nat())
    )
    .map(([chosen, choices]) => {
      const plans = ledger.map((claim, index) => stepsOf(claim, chosen[index] ?? 'kept'))
      const queues = plans.map(({ steps }) => [...steps])
      const mixed: Step[] = []
      for (let open = queues.filter((queue) => queue.length > 0); open.length > 0; open = queues.filter((q) => q.length > 0)) {
        const step = open[(choices.next().value ?? 0) % open.length]?.shift()
        if (step !== undefined) mixed.push(step)
      }
      return { mixed, left: plans.flatMap((plan) => plan.left), days: mixed.map(() => (choices.next().value ?? 0) % 30) }
    })
)

const withoutSettled = (state: ClientState, claim: Settled) =>
  withCounted(state, { issued: [], settled: [settledAloneOf(claim, -1)] }, thresholds)

function applied(state: ClientState, { claim, kind }: Step, paid: Map<string, Settled>): ClientState {
  if (kind === 'issue') return withIssued(state, claim)
  if (kind === 'void') return withoutIssued(state, claim)
  const outcome = { claim: settled(claim), thresholds }
  if (kind === 'settle') {
    paid.set(claim.number, outcome.claim)
    return withSettled(state, outcome)
  }
  paid.delete(claim.number)
  const without = withoutSettled(state, outcome.claim)
  return lacksRecent(without)
    ? withRecent(
        without,
        [],
        [...paid.values()].map((claim) => settledAloneOf(claim))
      )
    : without
}

/** Order does not matter where it cannot: facts that wait. */
function comparable(state: ClientState) {
  const { issued, waiting, recent, settled: outcomes } = state
  const wordsOf = (list: readonly AlikeLedger[]) =>
    list.map(({ amount, ...claims }) => JSON.stringify([Math.round(amount * 1e3), Object.entries(claims).toSorted()])).toSorted()
  return {
    exact: {
      counts: [issued.count, issued.termsDays, outcomes.count, outcomes.disputed, outcomes.delayDays],
      recent,
      waiting: [wordsOf(waiting.issued), wordsOf(waiting.settled)],
      terms: Object.entries(outcomes.byTerms).map(([terms, { count }]) => [terms, count])
    },
    sums: {
      all: [outcomes.weight, outcomes.weightedDelayDays, ...outcomes.lateWeights],
      terms: Object.values(outcomes.byTerms).flatMap(({ weight, lateWeights }) => [weight, ...lateWeights])
    }
  }
}

describe('the state that events keep', () => {
  it('is the one that the ledger gives, whatever the order of events, reversals and voids included', () => {
    fc.assert(
      fc.property(arbitraryHistory, ({ mixed, left, days }) => {
        let state = newClient(TODAY - 400, thresholds)
        const paid = new Map<string, Settled>()
        for (const [index, step] of mixed.entries()) {
          state = applied(state, step, paid)
          const day = Math.min(TODAY, state.day + (days[index] ?? 0))
          state = clientOn(state, { day, thresholds })
        }
        state = clientOn(state, { day: TODAY, thresholds })
        const [kept, rebuilt] = [comparable(state), comparable(clientFromLedger(left, { day: TODAY, thresholds }))]
        expect(kept.exact).toEqual(rebuilt.exact)
        for (const part of ['all', 'terms'] as const) {
          for (const [index, value] of rebuilt.sums[part].entries()) {
            expect(Math.abs((kept.sums[part][index] ?? Number.NaN) - value)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value)))
          }
        }
        for (const [currency, { count, amount }] of Object.entries(
          clientFromLedger(left, { day: TODAY, thresholds }).issued.byCurrency
        )) {
          const own = state.issued.byCurrency[currency]
          expect(own?.count).toBe(count)
          expect(Math.abs((own?.amount ?? Number.NaN) - amount)).toBeLessThan(1e-9 * Math.max(1e6, amount))
        }
      }),
      { numRuns: 300 }
    )
  })

  it('is what adding up the ledger by hand gives', () => {
    fc.assert(
      fc.property(arbitraryLedger, (ledger) => {
        const { issued, settled: outcomes, recent } = clientFromLedger(ledger, { day: TODAY, thresholds })
        const invoiced = ledger.filter(({ issuedOn }) => issuedOn < TODAY)
        const ended = invoiced.flatMap((claim) => (claim.settledOn !== null && claim.settledOn < TODAY ? [settled(claim)] : []))
        const sum = (term: (claim: Settled) => number) => ended.reduce((total, claim) => total + term(claim), 0)
        const weight = ({ settledOn }: Settled) => 0.5 ** ((TODAY - settledOn) / 120)
        expect([issued.count, outcomes.count, outcomes.disputed]).toEqual([
          invoiced.length,
          ended.length,
          sum(({ disputed }) => Number(disputed))
        ])
        expect(outcomes.delayDays).toBe(sum(({ delayDays }) => delayDays))
        expect(outcomes.weight).toBeCloseTo(sum(weight), 9)
        expect(outcomes.weightedDelayDays).toBeCloseTo(
          sum((claim) => weight(claim) * claim.delayDays),
          8
        )
        for (const [index, level] of thresholds.entries()) {
          const late = sum((claim) => (claim.delayDays > level ? weight(claim) : 0))
          expect(outcomes.lateWeights[index]).toBeCloseTo(late, 9)
        }
        const days = [...new Set(ended.map(({ settledOn }) => settledOn))].toSorted((a, b) => a - b).slice(-8)
        expect(recent).toEqual(
          days.map((settledOn) => {
            const paid = ended.filter((claim) => claim.settledOn === settledOn)
            return { settledOn, count: paid.length, delayDays: paid.reduce((total, { delayDays }) => total + delayDays, 0) }
          })
        )
      }),
      { numRuns: 150 }
    )
  })

  it('is empty, exactly, once everything was taken back', () => {
    fc.assert(
      fc.property(arbitraryLedger, (ledger) => {
        let state = clientFromLedger(ledger, { day: TODAY, thresholds })
        for (const claim of ledger) if (claim.settledOn !== null) state = withoutSettled(state, settled(claim))
        for (const claim of ledger) state = withoutIssued(state, claim)
        const { weight, weightedDelayDays, lateWeights, byTerms } = state.settled
        expect([weight, weightedDelayDays, ...lateWeights].every((sum) => sum === 0)).toBe(true)
        expect(byTerms).toEqual({})
        expect(state.recent).toEqual([])
      }),
      { numRuns: 100 }
    )
  })
})
