import { expect } from 'vitest'
import { checkBooks } from '../../src/checks/books.ts'
import type { Database } from '../../src/db/client.ts'
import { done, type Ledger } from './dunning.ts'

export const stages = [
  { code: 'courtesy', offset_days: -3 },
  { code: 'reminder', offset_days: 3 },
  { code: 'second', offset_days: 10 },
  { code: 'final', offset_days: 24 }
]

export type HoldBody = Readonly<{
  id: string
  reason: string
  invoice_ids: string[]
  until_on: string | null
  part: { amount: string; currency: string } | null
  parts: { invoice_id: string; amount: string }[]
  origin: { kind: string; id: string } | null
  is_active: boolean
  release_reason: string | null
  released_on: string | null
}>

export type PaymentBody = Readonly<{
  id: string
  status: string
  amount: string
  unapplied: string
  version: number
  allocations: { invoice_id: string; amount: string }[]
  announced_allocations: { invoice_id: string; amount: string }[]
  unconfirmed_at: string | null
}>

/** Due on 10 January 2026, over 100.00 EUR. */
export const onTheTenth = { issued_on: '2026-01-01', due_on: '2026-01-10' }

/** A client with one such invoice, and the ladder above. The clock stands on 1 January. */
export async function dueOnTheTenth(newLedger: () => Promise<Ledger>, policy: object = {}) {
  const ledger = await newLedger()
  await ledger.usePolicy(stages, policy)
  const clientId = await ledger.addClient()
  const { id } = await ledger.issue(clientId, onTheTenth)
  return { ledger, clientId, id }
}

/** Oldest first. */
export async function holdsOf(ledger: Ledger): Promise<HoldBody[]> {
  return (await done(ledger.call<{ data: HoldBody[] }>('GET', '/v1/holds?limit=200'))).data.reverse()
}

export const payment = (ledger: Ledger, id: string) => done(ledger.call<PaymentBody>('GET', `/v1/payments/${id}`))

/** What was told, by day; of one day by name, for what is told in several goes of one millisecond is numbered in any order. */
export const toldByDay = async (ledger: Ledger, ...types: string[]) => (await ledger.told(...types)).toSorted()

/** Everything that must be true of the books is. */
export async function expectSoundBooks(database: Database, ledger: Ledger): Promise<void> {
  await ledger.events() // seals, so that the chain has something to check
  const checks = await database.reading(ledger.id, checkBooks)
  expect(checks.filter(({ broken }) => broken.length > 0)).toEqual([])
}
