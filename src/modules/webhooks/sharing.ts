export type Claimant = Readonly<{
  endpointId: string
  /** How many more it may have under way. */
  room: number
  /** It failed lately, or does not answer: all such together get `suspectSlots` at most. */
  isSuspect: boolean
}>

/**
 * Shares free slots among endpoints that have something due: equal parts first, then what is left to those with more room. So a
 * long queue takes no slot from a short one, and those that fail hold back nobody. @returns slots by endpoint, none of them 0.
 */
export function shareSlots(
  claimants: readonly Claimant[],
  { slots, suspectSlots }: { slots: number; suspectSlots: number }
): Map<string, number> {
  const shares = new Map<string, number>()
  const suspects = claimants.filter(({ isSuspect }) => isSuspect)
  const others = claimants.filter(({ isSuspect }) => !isSuspect)
  // Each gets its equal part of all slots before the suspects' limit cuts theirs, and what they leave goes to the others.
  const part = claimants.length === 0 ? 0 : Math.ceil((slots * suspects.length) / claimants.length)
  const left = slots - fill(suspects, { slots: Math.min(part, suspectSlots), shares })
  fill(others, { slots: left, shares })
  return shares
}

/** Pours slots over endpoints until they are spent or every room is full. @returns how many were spent. */
function fill(claimants: readonly Claimant[], { slots, shares }: { slots: number; shares: Map<string, number> }): number {
  let left = slots
  let thirsty = claimants.filter(({ room }) => room > 0)
  while (left > 0 && thirsty.length > 0) {
    const each = Math.max(1, Math.floor(left / thirsty.length))
    for (const { endpointId, room } of thirsty) {
      const has = shares.get(endpointId) ?? 0
      const more = Math.min(each, room - has, left)
      if (more > 0) shares.set(endpointId, has + more)
      left -= more
    }
    thirsty = thirsty.filter(({ endpointId, room }) => (shares.get(endpointId) ?? 0) < room)
  }
  return slots - left
}
