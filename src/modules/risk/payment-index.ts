import type { ClientState } from './client-state.ts'

/** Days beyond terms, and the index that commercial credit reports of the PAYDEX kind publish for them. */
const SCALE: readonly (readonly [days: number, index: number])[] = [
  [-30, 100],
  [-20, 90],
  [0, 80],
  [15, 70],
  [22, 60],
  [30, 50],
  [60, 40],
  [90, 30],
  [120, 20]
]

/**
 * Days beyond terms, weighted by money, over all that the client ever settled; undefined for nothing. Currencies are not added: each
 * is counted in the client's mean invoice of it.
 */
export function daysBeyondTerms({ settled, issued }: Pick<ClientState, 'settled' | 'issued'>): number | undefined {
  let weight = 0
  let delay = 0
  for (const [currency, { amount, delayedAmountDays }] of Object.entries(settled.byCurrency)) {
    const usual = issued.byCurrency[currency]
    if (usual === undefined || usual.amount <= 0) continue
    const mean = usual.amount / usual.count
    weight += amount / mean
    delay += delayedAmountDays / mean
  }
  return weight > 0 ? delay / weight : undefined
}

/** An index of 20 to 100, 80 being prompt, linear between the published points. It describes the record and predicts nothing. */
export function paymentIndex(days: number): number {
  let [fromDays, from] = SCALE[0] ?? [0, 0]
  if (days <= fromDays) return from
  for (const [at, index] of SCALE) {
    if (days <= at) return Math.round(from + ((index - from) * (days - fromDays)) / Math.max(1, at - fromDays))
    fromDays = at
    from = index
  }
  return from
}
