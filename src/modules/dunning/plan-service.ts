import type { Tx } from '../../db/client.ts'
import { mapInParts } from '../../db/parts.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type Day, dayIn } from '../../kernel/day.ts'
import type { HoldFact, HoldsOf } from '../../kernel/holding.ts'
import { clientContext } from '../clients/client-context.ts'
import type { ClientService } from '../clients/service.ts'
import type { EventDraft } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import { blocking } from '../holds/hold.ts'
import type { DunningStart, DunningState, Obligation } from '../invoices/invoice.ts'
import type { InvoiceDraft, Planned } from '../invoices/ports.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { Books } from '../organizations/organization.ts'
import { collectedUnless } from './collection.ts'
import { baselineStage, type DecisionContext, decide, type ObligationFacts } from './decide.ts'
import type { NewEntry } from './entry.ts'
import * as entryRepository from './entry-repository.ts'
import { type Blocked, blockedContext } from './event-context.ts'
import { currentPolicy, dunningOf, type PolicyRef, standstill, stateOf } from './facts.ts'
import type { PolicyService } from './policy-service.ts'
import { startOf, startsSilently } from './start.ts'

export type PlanDeps = Readonly<{
  clock: Clock
  newId: () => string
  events: EventService
  clients: ClientService
  invoices: InvoiceService
  policies: PolicyService
}>

type Place = Readonly<{
  obligationId: string
  invoiceId: string
  isSilent: boolean
  state: DunningState
  baseline: NewEntry | null
  /** Of what started overdue and will not be announced: what keeps it from being dunned. */
  blocked: Omit<Blocked, 'client' | 'obligation' | 'calendarVersion'> | null
}>
type Draft = Readonly<{
  draft: InvoiceDraft
  policy: PolicyRef
  context: DecisionContext
  timeZone: string
  dunningFromOn: Day
  holds: readonly HoldFact[]
}>

/** Where new obligations start on the ladder. */
export function createPlanService({ clock, newId, events, clients, invoices, policies }: PlanDeps) {
  function placeOf(obligation: Omit<Obligation, keyof DunningState>, of: Draft): Place {
    const { draft, policy, context, dunningFromOn } = of
    const facts = factsOfNew(obligation, of)
    const { daysOverdue } = decide(facts, context)
    const isSilent = startsSilently(draft.dunningStart, { dueOn: obligation.dueOn, daysOverdue, dunningFromOn })
    const stage = isSilent ? baselineStage(facts, context) : null
    // It did not become overdue here, so `invoice.overdue` is not sent.
    const overdueAnnounced = isSilent && daysOverdue >= 1
    const { id: obligationId, invoiceId, clientId, cycle, dueOn, balanceMinor } = obligation
    const baseline: NewEntry | null = stage && {
      id: newId(),
      ...{ obligationId, invoiceId, clientId, cycle, dueOn, balanceMinor, daysOverdue, policy },
      ...{
        stage: stage.code,
        repetition: 1,
        offsetDays: stage.offsetDays,
        graceDays: stage.graceDays,
        skipped: [],
        action: null
      },
      enteredOn: dayIn(context.asOf, facts.timeZone)
    }
    const entries = baseline === null ? [] : [{ ...baseline, enteredAt: context.asOf }]
    const standing = standstill({ ...facts, overdueAnnounced, entries }, context)
    const state = stateOf(obligation, { standing, overdueAnnounced, entries, policy }, context)
    const by =
      overdueAnnounced && standing.isHeld
        ? blocking(of.holds, { invoice: draft.invoice, today: dayIn(context.asOf, of.timeZone) })
        : []
    const blocked = by.length === 0 ? null : { daysOverdue, policy, by }
    return { obligationId, invoiceId, isSilent, baseline, state, blocked }
  }

  /** Once of each invoice that still has something open when its transaction ends: credit may have settled it. */
  async function tellBlocked(tx: Tx, { books, places }: { books: Books; places: readonly Place[] }): Promise<void> {
    const cases = await invoices.casesOf(
      tx,
      places.map(({ obligationId }) => obligationId)
    )
    const open = cases.filter(({ obligation }) => obligation.balanceMinor > 0n)
    const firsts = [...Map.groupBy(open, ({ obligation }) => obligation.invoiceId).values()].flatMap((of) => of.slice(0, 1))
    const known = await clients.getMany(tx, [...new Set(firsts.map(({ obligation }) => obligation.clientId))])
    const placeOf = new Map(places.map((place) => [place.obligationId, place]))
    const drafts = firsts.flatMap(({ obligation, view }): EventDraft[] => {
      const client = known.get(obligation.clientId)
      const blocked = placeOf.get(obligation.id)?.blocked ?? null
      if (client === undefined || blocked === null) return []
      const { version: calendarVersion } = books.calendar
      const about = { client: clientContext(client, books.organization), obligation, calendarVersion }
      const context = blockedContext({ ...about, ...blocked })
      return [{ ...invoices.eventOf('invoice.dunning_blocked', view, { books }), context }]
    })
    await events.append(tx, { occurredAt: books.now, drafts })
  }

  return {
    /**
     * `normal` enters every stage; `baseline` starts silently at the stage of its age; `off` is only ever announced as overdue. Where
     * none of them is stated, see `startsSilently`.
     */
    async planDunning(
      tx: Tx,
      { books, drafts, holdsOf }: { books: Books; holdsOf: HoldsOf; drafts: readonly InvoiceDraft[] }
    ): Promise<Planned> {
      const refs = drafts.map(({ invoice, client }) =>
        currentPolicy({ invoicePolicyId: invoice.dunningPolicyId, clientPolicyId: client.dunningPolicyId }, books)
      )
      const policyAt = await policies.at(tx, refs)
      const { dunningFromOn } = books.organization
      const placed = await mapInParts([...drafts.entries()], ([index, draft]) => {
        const policy = refs[index]
        if (policy === undefined) return []
        const context = { policy: policyAt(policy), calendar: books.calendar, asOf: books.now }
        const timeZone = draft.client.timeZone ?? books.organization.timeZone
        const holds = holdsOf({ clientId: draft.client.id, invoiceId: draft.invoice.id })
        const of = { draft, policy, context, timeZone, dunningFromOn, holds }
        return draft.obligations.map((obligation) => placeOf(obligation, of))
      })
      const places = placed.flat()
      const entries = places.flatMap(({ baseline }) => (baseline === null ? [] : [baseline]))
      const made = { calendarVersion: books.calendar.version, enteredAt: books.now, recordedAt: clock.now() }
      return {
        states: new Map(places.map(({ obligationId, state }) => [obligationId, state])),
        starts: startsOf(drafts, places),
        async afterInsert(writing) {
          await entryRepository.insert(writing, entries, { kind: 'baseline', told: new Set(), ...made })
          const blocked = places.filter((place) => place.blocked !== null)
          if (blocked.length > 0) writing.atEnd(() => tellBlocked(writing, { books, places: blocked }))
        }
      }
    }
  }
}

export type PlanService = ReturnType<typeof createPlanService>

function startsOf(drafts: readonly InvoiceDraft[], places: readonly Place[]): ReadonlyMap<string, DunningStart> {
  const placesOf = Map.groupBy(places, ({ invoiceId }) => invoiceId)
  return new Map(
    drafts.map(({ invoice: { id }, dunningStart }) => {
      const areSilent = (placesOf.get(id) ?? []).map(({ isSilent }) => isSilent)
      return [id, startOf(dunningStart, areSilent)]
    })
  )
}

function factsOfNew(
  { dueOn, currency, balanceMinor, invoiceId }: Omit<Obligation, keyof DunningState>,
  { draft: { invoice, dunningStart, client }, timeZone, holds }: Pick<Draft, 'draft' | 'timeZone' | 'holds'>
): ObligationFacts {
  return {
    ...{ dueOn, currency, balanceMinor, timeZone, holds, creditMinor: 0n, earlierMinor: 0n },
    status: 'open',
    isCollected: collectedUnless(new Set())({ invoiceId, collectionMethod: invoice.collectionMethod }),
    dunning: dunningOf({ dunningStart: dunningStart ?? 'normal' }),
    exemptUntilOn: client.dunningExemptUntilOn,
    overdueAnnounced: false,
    entries: []
  }
}
