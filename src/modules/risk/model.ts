/**
 * One addend of the log-odds. `weight` is the weight before any outcome was seen, `sd` how far from it outcomes are expected to
 * move it: both are settings, chosen by judgement and held against ledgers. `harms` and `helps` say what a positive and a negative
 * contribution mean.
 */
export type Feature = Readonly<{ name: string; weight: number; sd: number; harms: string; helps: string }>

export const modelVersions = ['v1'] as const
export type ModelVersion = (typeof modelVersions)[number]

export type Model = Readonly<{ version: ModelVersion; features: readonly Feature[] }>

export const specified = [
  { name: 'hist', weight: 0.85, sd: 0.2, harms: 'pays late more often than others', helps: 'pays late less often than others' },
  { name: 'hist0', weight: 0.1, sd: 0.2, harms: 'often a little late', helps: 'seldom even a little late' },
  { name: 'sev', weight: 0.6, sd: 0.4, harms: 'when late, then long', helps: 'late by few days, or early' },
  { name: 'last', weight: 0.3, sd: 0.3, harms: 'the latest payment was late', helps: 'the latest payment was on time' },
  { name: 'trend', weight: 0.2, sd: 0.3, harms: 'pays slower than before', helps: 'pays faster than before' },
  { name: 'over_share', weight: 0.35, sd: 0.3, harms: 'part of the balance is overdue now', helps: 'part of the balance is overdue now' },
  { name: 'over_age', weight: 0, sd: 0.3, harms: 'an old invoice is overdue', helps: 'an old invoice is overdue' },
  { name: 'load', weight: 0.25, sd: 0.3, harms: 'unusually much is open', helps: 'little is open' },
  { name: 'dispute', weight: 0, sd: 0.5, harms: 'disputes often', helps: 'disputes seldom' },
  { name: 'amt_own', weight: 0, sd: 0.4, harms: 'unusual amount for this client', helps: 'unusual amount for this client' },
  { name: 'amt_ten', weight: 0, sd: 0.4, harms: 'unusual amount for this ledger', helps: 'unusual amount for this ledger' },
  { name: 'terms_own', weight: 0, sd: 0.4, harms: 'unusual terms for this client', helps: 'unusual terms for this client' },
  { name: 'terms_ten', weight: 0, sd: 0.4, harms: 'unusual terms for this ledger', helps: 'unusual terms for this ledger' },
  { name: 'wkend', weight: 0, sd: 0.4, harms: 'due on a closed day', helps: 'due on a closed day' },
  { name: 'eom', weight: 0, sd: 0.4, harms: 'due at the end of a month', helps: 'due at the end of a month' },
  { name: 'new', weight: 0, sd: 0.4, harms: 'little is known of this client', helps: 'little is known of this client' },
  { name: 'bias', weight: 0, sd: 0.3, harms: 'more is late than the rates say', helps: 'less is late than the rates say' }
] as const satisfies readonly Feature[]

export const models: Readonly<Record<ModelVersion, Model>> = { v1: { version: 'v1', features: specified } }
