import { type Api, connectApi } from './api.ts'
import type { Host } from './host.ts'
import type { LedgerRow } from './ledger.ts'
import type { Receiver } from './receiver.ts'
import type { Timeline } from './timeline.ts'

export type Progression = 'jump' | 'sequential'

/** What is changed of the policy that an organization starts with. */
export type PolicyChange = Readonly<{ progression: Progression; businessDays: boolean }>

/** A policy as `POST /v1/dunning-policies` takes it. */
export type PolicyBody = Readonly<{ name: string; stages: readonly Readonly<{ code: string }>[] }> & object

export type BooksOptions = Readonly<{
  timeline: Timeline
  receiver: Receiver
  eventTypes: readonly string[]
  /** Of the organization's own policy. */
  policy: PolicyChange
  /** Further policies by a name; `policyOf` names one for each client that has one of its own. */
  policies?: ReadonlyMap<string, PolicyBody>
  policyOf?: (client: string) => string | undefined
}>

/** A test organization that is ready for its first invoice. */
export type Books = Readonly<{
  api: Api
  /** The organization's admin key. */
  key: string
  clientIds: ReadonlyMap<string, string>
  /** Of the receiver. */
  endpointId: string
  /** The stages of the organization's own policy, in their order. */
  stages: readonly string[]
}>

type OrganizationAnswer = Readonly<{ organization: { default_dunning_policy_id: string }; api_key: { key: string } }>
type PolicyAnswer = PolicyBody & Readonly<{ id: string; version: number; created_at: string; updated_at: string }>

const CLIENTS_AT_A_TIME = 8

/** Makes the organization with its policies, subscribes the receiver and loads the clients: all over HTTP, as a customer would. */
export async function openBooks(host: Host, rows: readonly LedgerRow[], options: BooksOptions): Promise<Books> {
  const { timeline, receiver, eventTypes } = options
  const operator = connectApi(host.url, { token: host.operatorToken, connections: 1 })
  const { organization, api_key } = await operator
    .post<OrganizationAnswer>('/v1/organizations', {
      name: 'Demo',
      mode: 'test',
      time_zone: timeline.timeZone,
      default_currency: rows[0]?.currency ?? 'EUR',
      clock_at: timeline.startAt.toISOString()
    })
    .finally(operator.close)
  const api = connectApi(host.url, { token: api_key.key })
  try {
    const stages = await changePolicy(api, organization.default_dunning_policy_id, options.policy)
    const policyIds = new Map<string, string>()
    for (const [name, body] of options.policies ?? []) {
      policyIds.set(name, (await api.post<{ id: string }>('/v1/dunning-policies', body)).id)
    }
    const endpoint = await api.post<{ id: string; secret: string }>('/v1/webhook-endpoints', {
      url: receiver.url,
      event_types: eventTypes,
      description: 'The receiver of the demo',
      max_in_flight: 64
    })
    await receiver.trust(endpoint.secret)
    const policyIdOf = (client: string) => policyIds.get(options.policyOf?.(client) ?? '')
    const clientIds = await loadClients(api, rows, { timeline, policyIdOf })
    return { api, key: api_key.key, clientIds, endpointId: endpoint.id, stages }
  } catch (error) {
    await api.close()
    throw error
  }
}

async function changePolicy(api: Api, id: string, { progression, businessDays }: PolicyChange): Promise<string[]> {
  const {
    id: _,
    version: __,
    created_at: ___,
    updated_at: ____,
    ...document
  } = await api.get<PolicyAnswer>(`/v1/dunning-policies/${id}`)
  await api.put(`/v1/dunning-policies/${id}`, { ...document, progression, business_days: businessDays })
  return document.stages.map(({ code }) => code)
}

type Loading = Readonly<{ timeline: Timeline; policyIdOf: (client: string) => string | undefined }>

async function loadClients(
  api: Api,
  rows: readonly LedgerRow[],
  { timeline, policyIdOf }: Loading
): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  const waiting = [...Map.groupBy(rows, (row) => row.client).values()]
  const lane = async () => {
    for (let own = waiting.shift(); own !== undefined; own = waiting.shift()) {
      const [row] = own
      if (row === undefined) continue
      const locale = own.find((other) => other.locale !== undefined)?.locale
      const timeZone = timeline.zoneOf.get(row.client)
      const policyId = policyIdOf(row.client)
      const { id } = await api.put<{ id: string }>(`/v1/clients/by-ref?source=ledger&id=${encodeURIComponent(row.client)}`, {
        name: row.clientName,
        ...(locale !== undefined && { locale }),
        ...(timeZone !== undefined && { time_zone: timeZone }),
        ...(policyId !== undefined && { dunning_policy_id: policyId })
      })
      ids.set(row.client, id)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS_AT_A_TIME }, lane))
  return ids
}
