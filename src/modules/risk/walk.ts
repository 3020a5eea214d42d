import { type ClientState, clientOn, newClient, withCounted } from './client-state.ts'
import {
  type AlikeClaims,
  type AlikeLedger,
  type AlikeSettled,
  type EpochDay,
  isEnded,
  issueOf,
  standing
} from './invoice-facts.ts'
import type { ClientRecord } from './situation.ts'

/** What was issued on a day, and what ended on it. */
type Fact = Readonly<{ day: EpochDay; issued: AlikeClaims } | { day: EpochDay; ended: AlikeSettled }>

/** How many facts one step goes through, or a day's more: some milliseconds of work. */
const FACTS_PER_STEP = 500

/**
 * Goes through all of a client's ledger, whatever the order of its rows, and shows the client as it was at the start of one day after
 * the other. O(1) for each fact; days come in order.
 */
export function createWalk(ledger: readonly AlikeLedger[], thresholds: readonly number[]) {
  const days = [...Map.groupBy(ledger.flatMap(factsOf), ({ day }) => day)].toSorted(([a], [b]) => a - b)
  let state: ClientState = newClient(days[0]?.[0] ?? 0, thresholds)
  let open: readonly AlikeClaims[] = []
  let next = 0

  return {
    /** Goes towards a day. @returns whether it is there; where it is not, there is more to go. */
    step(day: EpochDay): boolean {
      const moved: AlikeClaims[] = []
      for (let at = days[next]; at !== undefined && at[0] < day && moved.length < FACTS_PER_STEP; at = days[next]) {
        const [on, facts] = at
        const issued = facts.flatMap((fact) => ('issued' in fact ? [fact.issued] : []))
        const settled = facts.flatMap((fact) => ('ended' in fact ? [fact.ended] : []))
        state = withCounted(clientOn(state, { day: on, thresholds }), { issued, settled }, thresholds)
        moved.push(...issued, ...settled.map(takenOf))
        next += 1
      }
      open = standing([...open, ...moved])
      const [on] = days[next] ?? [day]
      return on >= day
    },

    /** The client at the start of the day that was gone to. */
    on(day: EpochDay): ClientRecord {
      if (day <= state.day && next === 0) return { state: newClient(day, thresholds), open: [] }
      state = clientOn(state, { day, thresholds })
      return { state, open }
    }
  }
}

/** A deposit ends an invoice with its issue. */
function factsOf(claims: AlikeLedger): Fact[] {
  const issue = { day: claims.issuedOn, issued: issueOf(claims) }
  return isEnded(claims) ? [issue, { day: Math.max(claims.settledOn, claims.issuedOn), ended: claims }] : [issue]
}

function takenOf(claims: AlikeSettled): AlikeClaims {
  const { count, amount, disputed, ...alike } = issueOf(claims)
  return { ...alike, count: -count, amount: -amount, disputed: -disputed }
}
