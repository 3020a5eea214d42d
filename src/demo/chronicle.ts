import { dayIn } from '../kernel/day.ts'
import type { ReceivedEvent } from './receiver.ts'
import type { Role } from './story.ts'

/** What became of one client of the story, as the webhooks told it. */
export type Chapter = Readonly<{ client: string; title: string; lines: readonly Readonly<{ on: string; text: string }>[] }>

type Data = Readonly<{ object: Record<string, unknown>; context: Record<string, unknown> }>
type Tell = (data: Data) => string

const amountIn = ({ amount, currency }: Record<string, unknown>) => `${String(amount)} ${String(currency)}`
const installmentIn = ({ context }: Data) => (context['installment'] ?? {}) as Record<string, unknown>
const resolution = ({ object }: Data) => (object['resolution'] ?? {}) as Record<string, unknown>

const age = (daysOverdue: number) => (daysOverdue > 0 ? `${daysOverdue} days overdue` : `${-daysOverdue} days before it is due`)

/** What is said of an event; of the others nothing. */
const tellings: Readonly<Record<string, Tell>> = {
  'invoice.dunning_stage_entered': ({ object, context }) =>
    `stage ${String((context['stage'] as { code?: string }).code)} of ${String(object['number'])}, ${age(Number(context['days_overdue']))}`,
  'invoice.paid': ({ object }) => `${String(object['number'])} is paid`,
  'promise.made': ({ object }) => `promises ${amountIn(object)} by ${String(object['promised_on'])}: dunning waits`,
  'promise.kept': () => 'keeps the promise',
  'promise.broken': () => 'breaks the promise: dunning goes on where the age says',
  'dispute.opened': ({ object }) => `disputes ${amountIn(object)}: the rest is dunned`,
  'dispute.resolved': (data) => `the dispute is ${String(data.object['status'])}, ${String(resolution(data)['credit'])} credited`,
  'payment_plan.accepted': ({ object }) =>
    `agrees to pay ${String(object['total'])} ${String(object['currency'])} in parts: dunning waits`,
  'payment_plan.completed': () => 'has kept the plan',
  'payment_plan.broken': () => 'breaks the plan: dunning goes on where the age says',
  'installment.paid': (data) => `installment ${String(installmentIn(data)['position'])} is paid`,
  'installment.missed': (data) => `misses installment ${String(installmentIn(data)['position'])}`,
  'payment.pending': ({ object }) => `sends ${amountIn(object)} that is good on ${String(object['matures_on'])}: dunning waits`,
  'payment.failed': () => 'the money does not come: dunning goes on where the age says',
  'client.service_suspended': () => 'service is suspended',
  'client.service_restored': () => 'service is restored'
}

/** What a consumer who wants the story subscribes to. */
export const storyEvents: readonly string[] = Object.keys(tellings)

/** @param clientIds the service's id of each client of the cast. */
export function chronicleOf(
  cast: readonly Role[],
  { clientIds, events, timeZone }: { clientIds: ReadonlyMap<string, string>; events: readonly ReceivedEvent[]; timeZone: string }
): Chapter[] {
  const byClient = Map.groupBy(
    events.filter(({ data }) => data !== null),
    ({ clientId }) => clientId
  )
  return cast.map(({ code, name, title }) => {
    const own = (byClient.get(clientIds.get(code) ?? '') ?? []).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const lines = own.flatMap(({ type, timestamp, data }) => {
      const tell = tellings[type]
      return tell === undefined ? [] : [{ on: dayIn(new Date(timestamp), timeZone), text: tell(data as Data) }]
    })
    return { client: name, title, lines }
  })
}
