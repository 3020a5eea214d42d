/**
 * The specified model (v1) by counting: plain, slow, and apart from the service's code. Of each invoice, in the order of issue day and number,
 * it computes everything at the start of the issue day from what was known by then.
 */
export type ReferenceInvoice = Readonly<{
  client: string
  number: string
  issuedOn: number
  dueOn: number
  /** Infinity for never. */
  paidOn: number
  amount: number
  isDisputed: boolean
}>

/**
 * What `last` and `trend` take for a payment. The reference of the design takes every invoice by itself, those of one day in the order of
 * their issue, and its golden values hold that; the service takes what is paid on one day for one payment, late by its mean.
 */
export type PaymentRule = 'invoice' | 'day'

export type ReferenceRow = Readonly<{ x: number[]; rate: number; clientRate: number; prior: number; following: number }>

const WEIGHTS = [0.85, 0.1, 0.6, 0.3, 0.2, 0.35, 0, 0.25, 0, 0, 0, 0, 0, 0, 0, 0, 0]
const SPREADS = [0.2, 0.2, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.3]
const HALF_LIFE = 120
const WINDOW = 365

const clip = (x: number, min: number, max: number) => Math.max(min, Math.min(max, x))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const logit = (p: number) => Math.log(clip(p, 1e-4, 1 - 1e-4) / (1 - clip(p, 1e-4, 1 - 1e-4)))
const pseudoCount = (level: number) => (level === 0 ? 2 : level <= 15 ? 4 : 8)
const priorRate = (level: number) => (level === 0 ? 0.3 : level <= 5 ? 0.2 : level <= 15 ? 0.1 : 0.08)
const isLate = ({ paidOn, dueOn }: ReferenceInvoice, level: number) => paidOn - dueOn > level
const knownOn = (invoice: ReferenceInvoice, level: number) =>
  isLate(invoice, level) ? invoice.dueOn + level + 1 : invoice.paidOn + 1
const termsOf = ({ dueOn, issuedOn }: ReferenceInvoice) => dueOn - issuedOn
const logTerms = (invoice: ReferenceInvoice) => Math.log1p(clip(termsOf(invoice), 0, 365))

type Outcome = Readonly<{ at: number; on: number; isLate: boolean }>

/** In the order in which they become known; of one day in the order of the ledger. */
function outcomesOf(ledger: readonly ReferenceInvoice[], level: number): Outcome[] {
  return ledger
    .map((invoice, at) => ({ at, on: knownOn(invoice, level), isLate: isLate(invoice, level) }))
    .toSorted((a, b) => a.on - b.on || a.at - b.at)
}

function rateOf(outcomes: readonly Outcome[], day: number, level: number): number {
  const known = outcomes.filter(({ on }) => on <= day && on > day - WINDOW)
  return (known.filter((one) => one.isLate).length + 20 * priorRate(level)) / (known.length + 20)
}

function meanDaysLate(ledger: readonly ReferenceInvoice[], day: number): number {
  const paid = ledger.filter(({ paidOn }) => paidOn + 1 <= day && paidOn + 1 > day - WINDOW)
  return paid.length < 10 ? 0 : sum(paid.map(({ paidOn, dueOn }) => clip(paidOn - dueOn, -60, 120))) / paid.length
}

type Known = Readonly<{ invoice: ReferenceInvoice; delay: number; seenOn: number; isPaid: boolean }>

/** Paid invoices and overdue ones, these as late as they are so far and seen yesterday. */
function knownOf(history: readonly ReferenceInvoice[], day: number): Known[] {
  return history
    .filter(({ paidOn, dueOn }) => paidOn < day || dueOn < day)
    .map((invoice) => {
      const isPaid = invoice.paidOn < day
      const delay = clip((isPaid ? invoice.paidOn : day) - invoice.dueOn, -60, 120)
      return { invoice, delay, seenOn: isPaid ? invoice.paidOn : day - 1, isPaid }
    })
}

/** Delays in the order in which they were seen: of single invoices, or of all that was paid on a day, then of all that is overdue. */
function delaysInOrder(known: readonly Known[], rule: PaymentRule): number[] {
  const ordered = known.toSorted((a, b) => a.seenOn - b.seenOn)
  if (rule === 'invoice') return ordered.map(({ delay }) => delay)
  const payments = Map.groupBy(ordered, ({ isPaid, seenOn }) => (isPaid ? seenOn : Number.POSITIVE_INFINITY))
  return [...payments]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, of]) => sum(of.map(({ delay }) => delay)) / of.length)
    .slice(-8)
}

type Facts = Readonly<{
  ledger: readonly ReferenceInvoice[]
  outcomes: ReadonlyMap<number, readonly Outcome[]>
  level: number
  rule: PaymentRule
}>

/** @param history the client's invoices issued before, @param earlier the organization's. */
function observed(
  invoice: ReferenceInvoice,
  {
    history,
    earlier,
    ledger,
    outcomes,
    level,
    rule
  }: Facts & { history: readonly ReferenceInvoice[]; earlier: readonly ReferenceInvoice[] }
) {
  const day = invoice.issuedOn
  const [mu, n] = [meanDaysLate(ledger, day), history.length]
  const [rates, known] = [new Map([...outcomes].map(([of, all]) => [of, rateOf(all, day, of)])), knownOf(history, day)]
  const rate = (of: number) => rates.get(of) ?? Number.NaN
  const weight = ({ seenOn }: Known) => 0.5 ** ((day - seenOn) / HALF_LIFE)
  const ownRate = (of: number) => {
    const decided = known.filter(({ isPaid, delay }) => isPaid || delay > of)
    const late = sum(decided.filter(({ delay }) => delay > of).map(weight))
    return (late + pseudoCount(of) * rate(of)) / (sum(decided.map(weight)) + pseudoCount(of))
  }
  const own = ownRate(level)
  const delays = delaysInOrder(known, rule)
  const newest = delays.slice(-3)
  const mean = (sum(known.map(({ delay }) => delay)) + 2 * mu) / (known.length + 2)
  const recentMean = (sum(known.map((one) => weight(one) * one.delay)) + 2 * mu) / (sum(known.map(weight)) + 2)
  const open = history.filter(({ paidOn }) => paidOn >= day)
  const overdue = open.filter(({ dueOn }) => dueOn < day)
  const amountOf = (of: readonly ReferenceInvoice[]) => sum(of.map(({ amount }) => amount))
  const meanAmount = n > 0 ? amountOf(history) / n : 0
  const ratio = meanAmount > 0 ? amountOf(open) / meanAmount : 0
  const due = new Date(invoice.dueOn * 86_400_000)
  const monthEnd = (Date.UTC(due.getUTCFullYear(), due.getUTCMonth() + 1, 1) - due.getTime()) / 86_400_000
  const terms = clip(termsOf(invoice), 0, 365)
  const meanOf = (of: (one: ReferenceInvoice) => number) => sum(earlier.map(of)) / earlier.length
  const x = [
    logit(own) - logit(rate(level)),
    level > 0 ? logit(ownRate(0)) - logit(rate(0)) : 0,
    Math.tanh((recentMean - mu) / 20),
    known.length > 0 ? ((delays.at(-1) ?? 0) > level ? 1 : 0) - own : 0,
    known.length >= 4 ? Math.tanh((sum(newest) / newest.length - mean) / 15) : 0,
    amountOf(open) > 0 ? amountOf(overdue) / amountOf(open) : 0,
    overdue.length > 0 ? Math.log1p(Math.max(...overdue.map(({ dueOn }) => day - dueOn)) / 15) : 0,
    (Math.tanh(Math.log((ratio + 1) / 3)) * known.length) / (known.length + 1),
    (known.filter((one) => one.invoice.isDisputed).length + 2 * 0.05) / (known.length + 2) - 0.05,
    n > 0 ? Math.tanh(clip(Math.log((invoice.amount + 1) / (meanAmount + 1)), -3, 3)) : 0,
    earlier.length > 20 ? Math.tanh(Math.log1p(invoice.amount) - meanOf(({ amount }) => Math.log1p(amount))) : 0,
    n > 0 ? Math.tanh(clip(terms - sum(history.map(termsOf)) / n, -60, 60) / 15) : 0,
    earlier.length > 20 ? Math.tanh(2 * (Math.log1p(terms) - meanOf(logTerms))) : 0,
    [0, 6].includes(due.getUTCDay()) ? 1 : 0,
    monthEnd <= 3 ? 1 : 0,
    1 / (1 + known.length),
    1
  ]
  return { x, rate: rate(level), clientRate: own }
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((total, value, at) => total + value * (b[at] ?? 0), 0)

/** The rows of the ledger at one level, in its order. Weights follow each outcome once, in the order of the day it is known, then the ledger's. */
export function referenceRows(invoices: readonly ReferenceInvoice[], of: { level: number; rule: PaymentRule }): ReferenceRow[] {
  const ledger = invoices.toSorted((a, b) => a.issuedOn - b.issuedOn || (a.number < b.number ? -1 : 1))
  const { level } = of
  const outcomes = new Map([0, level].map((one) => [one, outcomesOf(ledger, one)]))
  const rows = ledger.map((invoice) => {
    const earlier = ledger.filter(({ issuedOn }) => issuedOn < invoice.issuedOn)
    const history = earlier.filter(({ client }) => client === invoice.client)
    return observed(invoice, { ...of, ledger, outcomes, earlier, history })
  })
  const inOrder = outcomes.get(level) ?? []
  let weights = [...WEIGHTS]
  let covariance = SPREADS.map((spread, a) => SPREADS.map((_, b) => (a === b ? spread ** 2 : 0)))
  let next = 0
  return ledger.map(({ issuedOn }, index) => {
    for (let one = inOrder[next]; one !== undefined && one.on <= issuedOn; one = inOrder[next]) {
      const { x = [], rate = Number.NaN } = rows[one.at] ?? {}
      const p = sigmoid(logit(rate) + dot(weights, x))
      const [v, gain] = [p * (1 - p), covariance.map((row) => dot(row, x))]
      const scale = 1 + v * dot(x, gain)
      weights = weights.map((weight, at) => weight + ((gain[at] ?? 0) * ((one.isLate ? 1 : 0) - p)) / scale)
      covariance = covariance.map((row, a) => row.map((value, b) => value - ((gain[a] ?? 0) * (gain[b] ?? 0) * v) / scale))
      next += 1
    }
    const { x = [], rate = Number.NaN, clientRate = Number.NaN } = rows[index] ?? {}
    const p = (by: readonly number[]) => sigmoid(logit(rate) + dot(by, x))
    return { x, rate, clientRate, prior: p(WEIGHTS), following: p(weights) }
  })
}
