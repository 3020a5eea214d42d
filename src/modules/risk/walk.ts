import { type ClientState, clientOn, newClient, withIssued, withSettled } from './client-state.ts'
import { byIssue, type Claim, type EpochDay, type LedgerClaim, settlementOf } from './invoice-facts.ts'
import type { ClientRecord } from './situation.ts'

type Fact = Readonly<{ day: EpochDay; claim: LedgerClaim; isEnd: boolean }>

/**
 * Goes through all of a client's ledger, whatever the order of its rows, and shows the client as it was at the start of one day after
 * the other. O(1) for each fact; days come in order.
 */
export function createWalk(ledger: readonly LedgerClaim[], thresholds: readonly number[]) {
  const facts = ledger.flatMap(factsOf).toSorted((a, b) => a.day - b.day || byIssue(a.claim, b.claim))
  let state: ClientState = newClient(facts[0]?.day ?? 0, thresholds)
  const open = new Map<string, Claim>()
  let next = 0

  return {
    on(day: EpochDay): ClientRecord {
      if (day <= state.day && next === 0) return { state: newClient(day, thresholds), open: [] }
      for (let fact = facts[next]; fact !== undefined && fact.day < day; fact = facts[next]) {
        state = withFact(clientOn(state, { day: fact.day, thresholds }), { fact, thresholds })
        if (fact.isEnd) open.delete(fact.claim.number)
        else open.set(fact.claim.number, fact.claim)
        next += 1
      }
      state = clientOn(state, { day, thresholds })
      return { state, open: [...open.values()] }
    }
  }
}

/** A deposit ends an invoice with its issue. */
function factsOf(claim: LedgerClaim): Fact[] {
  const issue = { day: claim.issuedOn, claim, isEnd: false }
  return claim.settledOn === null ? [issue] : [issue, { day: Math.max(claim.settledOn, claim.issuedOn), claim, isEnd: true }]
}

function withFact(state: ClientState, { fact, thresholds }: { fact: Fact; thresholds: readonly number[] }): ClientState {
  if (!fact.isEnd) return withIssued(state, fact.claim)
  const settled = settlementOf(fact.claim)
  return settled === undefined ? state : withSettled(state, { claim: settled, thresholds })
}
