import { expect } from 'vitest'
import type { Database } from '../../src/db/client.ts'
import { dayFromEpochDay, epochDayOf } from '../../src/kernel/day.ts'
import * as claimRepository from '../../src/modules/risk/claim-repository.ts'
import * as clientRepository from '../../src/modules/risk/client-repository.ts'
import { clientFromLedger } from '../../src/modules/risk/client-state.ts'
import { type AlikeLedger, byIssue, isLate, knownOn, withOutcome } from '../../src/modules/risk/invoice-facts.ts'
import { thresholdsFor } from '../../src/modules/risk/levels.ts'
import { models } from '../../src/modules/risk/model.ts'
import { organizationOn } from '../../src/modules/risk/organization-days.ts'
import * as organizationRepository from '../../src/modules/risk/organization-repository.ts'
import type { OrganizationState } from '../../src/modules/risk/organization-state.ts'
import { organizationTerms } from '../../src/modules/risk/organization-state.ts'
import { createOrganizationWindow } from '../../src/modules/risk/organization-window.ts'
import { doublesOf } from '../../src/modules/risk/outcome-repository.ts'
import { followOutcome, mutable, priorWeights } from '../../src/modules/risk/weights.ts'
import type { Services } from '../../src/services.ts'

type Of = Readonly<{ database: Database; services: Pick<Services, 'risk' | 'events'>; orgId: string }>

/** Does all that is to be done for an organization's scores now. */
export async function refresh({ database, services, orgId }: Of): Promise<void> {
  while ((await database.scoped(orgId, (tx) => services.events.seal(tx))).more);
  while (await database.scoped(orgId, (tx) => services.risk.refresh(tx)));
}

/** What was summed in another order differs in the last digits. Rounding would not do: two sides of a half are nearer than that. */
const TOLERANCE = 1e-9

/** Says where two values differ, numbers by more than the tolerance. */
function differences(found: unknown, expected: unknown, path = ''): string[] {
  if (typeof found === 'number' && typeof expected === 'number') {
    const isNear = Math.abs(found - expected) <= TOLERANCE * Math.max(1, Math.abs(expected))
    return isNear ? [] : [`${path}: ${found} instead of ${expected}`]
  }
  if (typeof found !== 'object' || typeof expected !== 'object' || found === null || expected === null) {
    return Object.is(found, expected) ? [] : [`${path}: ${String(found)} instead of ${String(expected)}`]
  }
  const [of, by] = [new Map(Object.entries(found)), new Map(Object.entries(expected))]
  return [...new Set([...of.keys(), ...by.keys()])].flatMap((key) => differences(of.get(key), by.get(key), `${path}/${key}`))
}

function expectNear(found: unknown, expected: unknown): void {
  expect(differences(found, expected)).toEqual([])
}

const byNumber = (a: { number: string }, b: { number: string }) => (a.number < b.number ? -1 : 1)

/** What events kept of an organization equals what its ledger alone gives: claims, states, sums of days, weights. */
export async function expectFaithful({ database, orgId }: Of): Promise<void> {
  await database.reading(orgId, async (reader) => {
    const standing = await organizationRepository.find(reader)
    if (standing === undefined) throw new Error('Nothing was followed yet.')
    const day = epochDayOf(standing.day)
    const thresholds = thresholdsFor(standing.seriousDays)
    const clientIds = await clientRepository.invoiced(reader, { after: '00000000-0000-0000-0000-000000000000', limit: 1_000 })
    const facts = await claimRepository.factsOf(reader, await claimRepository.invoicesOf(reader, clientIds))
    const ledger = facts.flatMap(({ claim }) => claim ?? [])
    const kept = await claimRepository.ofClients(reader, clientIds)
    expect(kept.toSorted(byNumber)).toEqual(ledger.toSorted(byNumber))

    for (const { clientId, state } of await clientRepository.find(reader, clientIds)) {
      const own = ledger.filter((claim) => claim.clientId === clientId)
      const rebuilt = clientFromLedger(own, { day: state.day, thresholds })
      expectNear(comparable(state), comparable(rebuilt))
    }

    const window = createOrganizationWindow({ from: Math.min(day, ...ledger.map(({ issuedOn }) => issuedOn)) - 1, thresholds })
    for (const claim of ledger) for (const term of organizationTerms(withOutcome(claim), thresholds)) window.add(term)
    const expected = organizationComparable(window.on(day))
    expectNear(organizationComparable(organizationOn(await organizationRepository.days(reader), { day, thresholds })), expected)
    expectNear(organizationComparable(standing.state), expected)
    if (!standing.isStale && standing.settings.followsOutcomes) await expectReplayedWeights(reader, { standing, ledger, day })
  })
}

type Reading = Parameters<typeof organizationRepository.find>[0]
type Standing = organizationRepository.Standing

/** Every outcome known by the day, once, in the order of known day, issue day and number. */
async function expectReplayedWeights(
  reader: Reading,
  { standing, ledger, day }: { standing: Standing; ledger: readonly claimRepository.ClaimOf[]; day: number }
): Promise<void> {
  const features = await featuresOf(reader)
  const found = await organizationRepository.weightsOn(reader, dayFromEpochDay(day))
  for (const [side, level] of [
    ['late', 0],
    ['serious', standing.seriousDays]
  ] as const) {
    const weights = mutable(priorWeights(models[standing.model], level))
    const outcomes = ledger
      .map((claim) => ({ claim, on: knownOn(withOutcome(claim), level) }))
      .filter(({ on }) => on <= day && (standing.resetOn === null || on > epochDayOf(standing.resetOn)))
      .toSorted((a, b) => a.on - b.on || byIssue(a.claim, b.claim))
    for (const { claim } of outcomes) {
      const [offset = 0, ...x] = features.get(claim.invoiceId)?.[side] ?? []
      followOutcome(weights, { offset, x, isLate: isLate(withOutcome(claim), level) })
    }
    expectNear(Array.from(found?.[side] ?? priorWeights(models[standing.model], level).values), [...weights.values])
  }
}

async function featuresOf(reader: Reading): Promise<Map<string, Readonly<Record<'late' | 'serious', Float64Array>>>> {
  const rows = await reader.sql.execute<{ id: string; late: Buffer; serious: Buffer }>(
    'select invoice_id as id, late_features as late, serious_features as serious from risk_claims'
  )
  return new Map(rows.rows.map(({ id, late, serious }) => [id, { late: doublesOf(late), serious: doublesOf(serious) }]))
}

/** What waits is in no order, and sums of nothing may be there or not. */
function comparable(state: ReturnType<typeof clientFromLedger>) {
  const { waiting, issued, settled } = state
  const counted = <T extends { count?: number; amount: number }>(sums: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(sums).filter(([, { count, amount }]) => count !== 0 && Math.abs(amount) > 1e-6))
  return {
    ...state,
    issued: { ...issued, byCurrency: counted(issued.byCurrency) },
    settled: { ...settled, byCurrency: counted(settled.byCurrency) },
    waiting: { issued: waiting.issued.map(wordsOf).toSorted(), settled: waiting.settled.map(wordsOf).toSorted() }
  }
}

const wordsOf = (claims: AlikeLedger) => JSON.stringify(Object.entries(claims).toSorted())

function organizationComparable({ amounts, ...state }: OrganizationState) {
  return { ...state, amounts: Object.fromEntries(Object.entries(amounts).filter(([, { count }]) => count !== 0)) }
}
