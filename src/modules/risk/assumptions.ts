import { HALF_LIFE_DAYS } from './client-state.ts'
import type { EpochDay } from './invoice-facts.ts'

/**
 * Log-odds that signals add which no ledger at hand holds. ASSUMPTIONS, all of them: nobody measured these, so they are an
 * organization's settings and every factor that comes of them says so.
 */
export type AssumedWeights = Readonly<{
  openDispute: number
  /** Each, in the last `SIGNAL_DAYS`, decaying; together at most `brokenPromisesMax` of them. */
  brokenPromise: number
  brokenPromisesMax: number
  returnedPayment: number
  neverAnswered: number
}>

export const assumedWeights: AssumedWeights = {
  openDispute: 1.5,
  brokenPromise: 0.7,
  brokenPromisesMax: 2,
  returnedPayment: 0.7,
  neverAnswered: 0.3
}

/** A broken promise is remembered for so many days. */
export const SIGNAL_DAYS = 180

/** What is known of a client besides its ledger. The dispute is one on the invoice that is scored. */
export type Signals = Readonly<{
  hasOpenDispute: boolean
  brokenPromisesOn: readonly EpochDay[]
  /** In the last `SIGNAL_DAYS`. */
  hasReturnedPayment: boolean
  hasNeverAnswered: boolean
}>

export const noSignals: Signals = {
  hasOpenDispute: false,
  brokenPromisesOn: [],
  hasReturnedPayment: false,
  hasNeverAnswered: false
}

export type Assumed = Readonly<{ name: string; value: number; logOdds: number; text: string }>

/** The addends of the signals that are there, as of the start of a day. */
export function assumedAddends(
  { hasOpenDispute, brokenPromisesOn, hasReturnedPayment, hasNeverAnswered }: Signals,
  { day, weights = assumedWeights }: { day: EpochDay; weights?: AssumedWeights | undefined }
): Assumed[] {
  const remembered = brokenPromisesOn
    .map((brokenOn) => day - brokenOn)
    .filter((age) => age > 0 && age <= SIGNAL_DAYS)
    .reduce((sum, age) => sum + 2 ** (-age / HALF_LIFE_DAYS), 0)
  const promises = Math.min(weights.brokenPromisesMax, remembered)
  return [
    { name: 'open_dispute', value: hasOpenDispute ? 1 : 0, weight: weights.openDispute, text: 'the invoice is disputed' },
    { name: 'broken_promises', value: promises, weight: weights.brokenPromise, text: 'broke a promise to pay' },
    {
      name: 'returned_payment',
      value: hasReturnedPayment ? 1 : 0,
      weight: weights.returnedPayment,
      text: 'a payment was returned'
    },
    { name: 'never_answered', value: hasNeverAnswered ? 1 : 0, weight: weights.neverAnswered, text: 'never answered a contact' }
  ]
    .filter(({ value }) => value > 0)
    .map(({ name, value, weight, text }) => ({ name, value, logOdds: weight * value, text }))
}
