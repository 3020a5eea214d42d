import { type Ledger, openShop, startProcess, until } from './webhooks.ts'

export const STAGE = 'invoice.dunning_stage_entered'
export const NOTICE = 'client.dunning_notice_due'

const DAY_MS = 86_400_000
export const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10)

/** Of policies that remind at once, whatever day it is. */
export const atOnce = { business_days: false, send_at: '00:00' }
export const stages = [
  { code: 'reminder', offset_days: 3, tone: 'friendly' },
  { code: 'final', offset_days: 30, tone: 'firm' }
]

type Sent = { type: string; data: { object: { id: string }; context: Context } }
type Context = {
  net_total: string
  amounts?: { net_total: string }
  unapplied_credit: string
  client: { contacts: { do_not_contact: boolean }[] }
  replaces_event_ids?: string[]
  obligations: { invoice_id: string; balance: string; stage: string; entry_id: string | null }[]
}

const sentTo = (ledger: Ledger) =>
  ledger.received.map(({ id, request }) => ({ id, ...(JSON.parse(request.body.toString()) as Sent) }))
const ofType = (ledger: Ledger, type: string) => sentTo(ledger).filter((sent) => sent.type === type)

export type Reminders = Awaited<ReturnType<typeof openReminders>>

/** A shop that reminds its clients. Nothing is sent until `deliverAll`: as if every receiver had been away. */
export async function openReminders() {
  const shop = await openShop({ roles: 'api' })

  async function done(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const answer = await shop.api(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const idOf = async (method: string, path: string, body: object) => String((await done(method, path, body))['id'])

  const policyId = await idOf('POST', '/dunning-policies', { name: 'At once', stages, ...atOnce })
  await done('PATCH', '/organization', { default_dunning_policy_id: policyId })
  let issued = 100_000
  return {
    shop,
    done,
    idOf,
    sentTo,
    ofType,
    newClient: (more: object = {}) => idOf('POST', '/clients', { name: 'Late Ltd', ...more }),

    issue(clientId: string, { total = '100.00', late = 10 } = {}): Promise<string> {
      const terms = { currency: 'EUR', total, issued_on: daysAgo(60), due_on: daysAgo(late), dunning_start: 'normal' }
      // Their numbers say which is the older one of those that are due on one day.
      issued += 1
      return idOf('POST', '/invoices', { client_id: clientId, number: `R-${issued}`, ...terms })
    },

    pay: (clientId: string, invoiceId: string, amount = '100.00') =>
      done('POST', '/payments', {
        ...{ client_id: clientId, currency: 'EUR', amount, received_on: daysAgo(0) },
        allocations: [{ invoice_id: invoiceId, amount }]
      }),

    /** Everything that is due enters its stage, and its events wait. @param ago as if it were so many days ago. */
    async sweep(ago = 0): Promise<void> {
      const batch = { at: new Date(Date.now() - ago * DAY_MS), clients: 100, wait: true }
      const { database, services } = shop.parts
      while ((await database.scoped(shop.orgId, (tx) => services.dunning.sweepBatch(tx, batch))).decided > 0);
    },

    /** Lets a worker deliver until nothing is left, what is told afresh included. What waits, waits no longer. */
    async deliverAll(): Promise<void> {
      await shop.sql('update dunning_notice_reissues set look_at = now() where done_at is null')
      const worker = await startProcess(shop.url, { roles: 'worker' })
      const due = 'select 1 from dunning_notice_reissues where done_at is null and look_at <= now()'
      const isDone = async () => (await shop.sql(`select 1 from webhook_queue union all ${due}`)).length === 0
      await until('all is sent', isDone)
      await worker.stop()
    },

    async deliveriesOf(endpoint: { id: string }, status: string) {
      const { data } = await done('GET', `/webhook-deliveries?endpoint_id=${endpoint.id}&status=${status}`)
      return data as { id: string; event_type: string }[]
    },

    remove: (endpoint: { id: string }) => shop.api('DELETE', `/webhook-endpoints/${endpoint.id}`)
  }
}
