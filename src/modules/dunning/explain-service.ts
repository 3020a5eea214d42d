import type { Reader } from '../../db/client.ts'
import { type Day, dayIn } from '../../kernel/day.ts'
import type { HoldService } from '../holds/service.ts'
import type { DunningCase } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { OrganizationService } from '../organizations/service.ts'
import { collectedAmong } from './collection-repository.ts'
import type { Decision } from './decide.ts'
import * as entryRepository from './entry-repository.ts'
import type { EntryService } from './entry-service.ts'
import { explain } from './explain.ts'
import { chooserOf, factsOf, type PolicyChooser, type PolicyRef, policyOf } from './facts.ts'
import { effectiveDueOn } from './ladder.ts'
import type { NettingService } from './netting-service.ts'
import type { EntryView } from './outcome.ts'
import type { PolicyService } from './policy-service.ts'
import { silentStart } from './start.ts'
import type { Why } from './why.ts'

export type ExplainDeps = Readonly<{
  organizations: OrganizationService
  invoices: InvoiceService
  holds: HoldService
  policies: PolicyService
  creditCovering: NettingService
  entriesOf: EntryService['entriesOf']
}>

export type Explained = Readonly<{
  found: DunningCase
  /** The due date, or the open day that takes its place. */
  effectiveOn: Day
  /** Pinned by the cycle's first entry, or what would apply now. */
  policy: PolicyRef
  chosenBy: PolicyChooser
  isPinned: boolean
  decision: Decision
  why: readonly Why[]
  /** Of all cycles, the mistaken ones too, oldest first. */
  entries: readonly EntryView[]
}>

export type Explanation = Readonly<{ invoiceId: string; asOf: Date; calendarVersion: number; obligations: readonly Explained[] }>

/** Reads what was entered, and decides as the sweep would, without writing. */
export function createExplainService({ organizations, invoices, holds, policies, creditCovering, entriesOf }: ExplainDeps) {
  return {
    /** The decision that a sweep would make now, for each obligation of an invoice, with its reasons. */
    async explainInvoice(reader: Reader, invoiceId: string): Promise<Explanation> {
      const view = await invoices.get(reader, invoiceId)
      const { id, clientId, collectionMethod } = view.invoice
      const [books, cases, liveOf, entries, holdsOf, creditOf, collectedOf] = await Promise.all([
        organizations.books(reader),
        invoices.casesOf(
          reader,
          view.obligations.map(({ id }) => id)
        ),
        entryRepository.live(reader, view.obligations),
        entriesOf(reader, invoiceId),
        holds.factsOf(reader, [clientId]),
        creditCovering(reader, [clientId]),
        collectedAmong(reader, [{ invoiceId: id, collectionMethod }])
      ])
      const chosen = cases.map((found) => {
        const live = liveOf(found.obligation.id)
        return { found, live, policy: policyOf(found, { entries: live, books }) }
      })
      const policyAt = await policies.at(
        reader,
        chosen.map(({ policy }) => policy)
      )
      const obligations = chosen.map(({ found, live, policy }): Explained => {
        const facts = factsOf(found, {
          entries: live,
          holds: holdsOf(found.obligation),
          creditMinor: creditOf(found.obligation.id),
          collectedOf,
          books
        })
        const context = { policy: policyAt(policy), calendar: books.calendar, asOf: books.now }
        const own = entries.filter(({ obligationId }) => obligationId === found.obligation.id)
        const effectiveOn = effectiveDueOn(found.obligation.dueOn, context)
        const { cycle } = found.obligation
        const { decision, why } = explain(facts, context)
        const started = silentStart({
          ...{ dunningStart: view.invoice.dunningStart, cycle, effectiveDueOn: effectiveOn },
          stage: live.find(({ kind }) => kind === 'baseline')?.stage ?? null,
          arrivedOn: dayIn(view.invoice.createdAt, facts.timeZone),
          dunningFromOn: books.organization.dunningFromOn
        })
        return {
          found,
          effectiveOn,
          policy,
          chosenBy: chooserOf(found, policy, books),
          isPinned: live.length > 0,
          entries: own,
          decision,
          why: [...started, ...why]
        }
      })
      return { invoiceId, asOf: books.now, calendarVersion: books.calendar.version, obligations }
    }
  }
}

export type ExplainService = ReturnType<typeof createExplainService>
