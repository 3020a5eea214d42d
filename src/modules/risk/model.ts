import type { Level } from './levels.ts'

/** One addend of the log-odds: its weight times a value that the situation gives. Both numbers are settings, chosen by judgement. */
export type Feature = Readonly<{
  name: string
  /** The weight before any outcome was seen. */
  weight: number
  /** How far from it outcomes are expected to move it; `rareSd` at rare levels, where it differs. */
  sd: number
  rareSd?: number
  /** What a value above and below 0 means, whatever it weighs. */
  above: string
  below: string
  curve?: CurvePoint
}>

/** Beyond this level outcomes are rare, and invoices that fall due together are late together: many of them are one event. */
const RARE_LEVEL = 10

export function sdAt({ sd, rareSd }: Feature, level: Level): number {
  return level > RARE_LEVEL && rareSd !== undefined ? rareSd : sd
}

/** A point of a curve. The features of one curve are one factor, whose value is Σ knot·feature: where on the curve the invoice is. */
export type CurvePoint = Readonly<{ name: string; knot: number }>

export const modelVersions = ['v1', 'v2'] as const
export type ModelVersion = (typeof modelVersions)[number]

export type Model = Readonly<{ version: ModelVersion; features: readonly Feature[] }>

export const specified = [
  { name: 'hist', weight: 0.85, sd: 0.2, above: 'pays late more often than others', below: 'pays late less often than others' },
  { name: 'hist0', weight: 0.1, sd: 0.2, above: 'often a little late', below: 'seldom even a little late' },
  { name: 'sev', weight: 0.6, sd: 0.4, above: 'when late, then long', below: 'late by few days, or early' },
  { name: 'last', weight: 0.3, sd: 0.3, above: 'the latest payment was late', below: 'the latest payment was on time' },
  { name: 'trend', weight: 0.2, sd: 0.3, above: 'pays slower than before', below: 'pays faster than before' },
  {
    name: 'over_share',
    weight: 0.35,
    sd: 0.3,
    above: 'part of the balance is overdue now',
    below: 'part of the balance is overdue now'
  },
  { name: 'over_age', weight: 0, sd: 0.3, above: 'an old invoice is overdue', below: 'an old invoice is overdue' },
  { name: 'load', weight: 0.25, sd: 0.3, above: 'unusually much is open', below: 'little is open' },
  { name: 'dispute', weight: 0, sd: 0.5, above: 'disputes often', below: 'seldom disputes' },
  {
    name: 'amt_own',
    weight: 0,
    sd: 0.4,
    above: 'more than this client’s usual amount',
    below: 'less than this client’s usual amount'
  },
  {
    name: 'amt_ten',
    weight: 0,
    sd: 0.4,
    above: 'more than this ledger’s usual amount',
    below: 'less than this ledger’s usual amount'
  },
  {
    name: 'terms_own',
    weight: 0,
    sd: 0.4,
    above: 'longer terms than this client’s usual',
    below: 'shorter terms than this client’s usual'
  },
  {
    name: 'terms_ten',
    weight: 0,
    sd: 0.4,
    above: 'longer terms than usual in this ledger',
    below: 'shorter terms than usual in this ledger'
  },
  { name: 'wkend', weight: 0, sd: 0.4, above: 'due on a closed day', below: 'due on a closed day' },
  { name: 'eom', weight: 0, sd: 0.4, above: 'due at the end of a month', below: 'due at the end of a month' },
  { name: 'new', weight: 0, sd: 0.4, above: 'little is known of this client', below: 'little is known of this client' },
  { name: 'bias', weight: 0, sd: 0.3, above: 'more is late than the rates say', below: 'less is late than the rates say' }
] as const satisfies readonly Feature[]

/** Where the curves over terms bend, in days, and those over amounts, in natural logarithms from the usual amount. */
export const TERMS_KNOTS = [0, 7, 14, 21, 30, 45, 60, 90, 120] as const
export const AMOUNT_KNOTS = [-3, -2, -1, 0, 1, 2, 3] as const

const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

/** What v2 adds: what the client does with invoices like this one, and what the whole organization's clients do. */
const extended: readonly Feature[] = [
  {
    name: 'same_due',
    weight: 0,
    sd: 0.3,
    rareSd: 0.1,
    above: 'others fall due on the same day',
    below: 'nothing else falls due that day'
  },
  { name: 'like_terms', weight: 0.3, sd: 0.3, above: 'pays late on terms like these', below: 'pays on time on terms like these' },
  ...AMOUNT_KNOTS.map((knot) =>
    point({ curve: 'amount', knot, sd: 0.3, says: 'how amounts of this size are paid in this ledger' })
  ),
  ...TERMS_KNOTS.map((knot) =>
    point({ curve: 'terms', knot, sd: 0.2, says: 'how terms of this length are kept in this ledger' })
  ),
  ...WEEKDAYS.map((name, at) => point({ curve: 'weekday', knot: at + 1, sd: 0.1, says: `due on a ${name}` })),
  ...[1, 0].map((knot) => point({ curve: 'season', knot, sd: 0.1, says: 'how this time of the year is in this ledger' })),
  { name: 'rise', weight: 1, sd: 0.3, rareSd: 0.1, above: 'pays later each time', below: 'does not pay later each time' }
]

function point({ curve, knot, sd, says }: { curve: string; knot: number; sd: number; says: string }): Feature {
  return { name: `${curve}_${knot}`, weight: 0, sd, above: says, below: says, curve: { name: curve, knot } }
}

export const models: Readonly<Record<ModelVersion, Model>> = {
  v1: { version: 'v1', features: specified },
  v2: { version: 'v2', features: [...specified, ...extended] }
}
