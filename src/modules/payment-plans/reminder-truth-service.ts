import type { Reader } from '../../db/client.ts'
import { formatAmount } from '../../kernel/money.ts'
import type { ClientService } from '../clients/service.ts'
import { silencing } from '../holds/hold.ts'
import type { HoldService } from '../holds/service.ts'
import { todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import * as repository from './repository.ts'

type Waiting = Readonly<{ id: string; type: string; body: string; hasFailed: boolean }>
type Reminder = Readonly<{
  data: Readonly<{
    object: Readonly<{ id: string }>
    context: Readonly<{ installment: Readonly<{ position: number; open: string }> }>
  }>
}>

/** Why a reminder is no longer true, and whether it may be sent all the same once a hold is released, before its day is over. */
export type ReminderFault = Readonly<{ reason: string; kind: 'over' | 'held' }>

/**
 * Whether reminders of installments that wait to be sent are still true: nobody is reminded of what was paid, of a day that is over, or
 * while the client is not to be addressed.
 */
export function createReminderTruth(
  deps: Readonly<{ clients: ClientService; holds: HoldService; organizations: OrganizationService }>
) {
  const { clients, holds, organizations } = deps

  async function faultOf(reader: Reader, { type, body }: Waiting): Promise<ReminderFault | null> {
    const { object, context } = (JSON.parse(body) as Reminder).data
    const plan = await repository.find(reader, object.id)
    if (plan === undefined || plan.status !== 'active') return over('the plan has ended.')
    const { position, open } = context.installment
    const one = plan.installments[position - 1]
    const leftMinor = one === undefined ? 0n : one.amountMinor - one.paidMinor - one.creditedMinor
    if (formatAmount(leftMinor, plan.currency) !== open) return over('another amount of the installment is open by now.')
    const { clientId, invoiceIds } = plan
    const [books, client, holdsOf] = await Promise.all([
      organizations.books(reader),
      clients.get(reader, clientId),
      holds.factsOf(reader, [clientId])
    ])
    const today = todayFor(books, client.timeZone)
    if (type === 'installment.due_soon' && one !== undefined && today >= one.dueOn) return over('the installment is due by now.')
    if (one?.missedOn != null) return over('the installment was missed since.')
    const held = invoiceIds.flatMap((invoiceId) => holdsOf({ clientId, invoiceId }))
    const [silent] = silencing(held, today)
    if (silent === undefined) return null
    const reason = `the client is not to be addressed: ${silent.reason.replaceAll('_', ' ')}.`
    return one !== undefined && today <= one.dueOn ? { reason, kind: 'held' } : over(reason)
  }

  /** @returns by event id, what is wrong with it now. What is true, and what is no reminder, is not in it. */
  async function faultsOf(reader: Reader, waiting: readonly Waiting[]): Promise<ReadonlyMap<string, ReminderFault>> {
    const faults = await Promise.all(waiting.filter(isReminder).map(async (one) => [one.id, await faultOf(reader, one)] as const))
    return new Map(faults.flatMap(([id, fault]) => (fault === null ? [] : [[id, fault] as const])))
  }

  return {
    faultsOf,

    /** The same of what is about to be sent. @returns why it is no longer true. */
    async outdated(reader: Reader, waiting: readonly Waiting[]): Promise<ReadonlyMap<string, string>> {
      const reminders = waiting.filter(isReminder)
      if (reminders.length === 0) return new Map()
      const { organization } = await organizations.books(reader)
      // A test clock passes over a month in a second, as in `truth-service.ts` of dunning.
      const doubtful = organization.mode === 'test' ? reminders.filter(({ hasFailed }) => hasFailed) : reminders
      return new Map([...(await faultsOf(reader, doubtful))].map(([id, { reason }]) => [id, reason]))
    }
  }
}

function isReminder({ type }: Waiting): boolean {
  return type === 'installment.due_soon' || type === 'installment.due'
}

function over(reason: string): ReminderFault {
  return { reason, kind: 'over' }
}
