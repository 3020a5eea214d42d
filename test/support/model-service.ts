import { expect } from 'vitest'
import { done, type EntryBody, type InvoiceBody, type Ledger } from './dunning.ts'
import type { ModelBooks } from './model-books.ts'

type World = Readonly<{ ledger: Ledger; clientId: string }>
type Client = Readonly<{ service_status: string }>
type Hold = Readonly<{ reason: string; invoice_ids: string[]; restores_service: boolean }>

/** What the stages of each code ask for besides a message, in every ladder that has them. */
export const actions: Readonly<Record<string, string>> = {
  final: 'suspend_service',
  last: 'end_service',
  handover: 'refer_to_collections'
}

/** The actions of all stages that stand, by invoice: entered in the invoice's cycle, not mistaken, with something open. */
async function standing(books: ModelBooks, { ledger }: World): Promise<[string, string][]> {
  const { data } = await done(ledger.call<{ data: InvoiceBody[] }>('GET', '/v1/invoices?limit=200'))
  const cycles = new Map(data.filter(({ status }) => status === 'open').map(({ id, dunning }) => [id, dunning.cycle]))
  // A part keeps its due day, and so its cycle.
  const stands = ({ invoice_id: id, due_on: dueOn, cycle }: EntryBody) =>
    books.find(id).parts.length > 1 ? books.isOpenOn(id, dueOn) : cycles.get(id) === cycle
  const entries = (await ledger.entries()).filter((one) => one.kind === 'entered' && one.mistaken_at === null && stands(one))
  return entries.flatMap(({ invoice_id: id, stage }) => (actions[stage] === undefined ? [] : [[id, actions[stage]]]))
}

/** The client is served, and left to others, as the stages that stand ask, whatever the last command was. */
export async function expectServiceFollows(books: ModelBooks, world: World): Promise<void> {
  const { ledger, clientId } = world
  const [stands, client, holds] = await Promise.all([
    standing(books, world),
    done(ledger.call<Client>('GET', `/v1/clients/${clientId}`)),
    done(ledger.call<{ data: Hold[] }>('GET', '/v1/holds?limit=200&active=true'))
  ])
  const letOn = new Set(holds.data.flatMap((hold) => (hold.restores_service ? hold.invoice_ids : [])))
  const asked = new Set(stands.flatMap(([id, action]) => (letOn.has(id) ? [] : [action])))
  const expected = asked.has('end_service') ? 'ending' : asked.has('suspend_service') ? 'suspended' : 'active'
  expect(client.service_status).toBe(expected)
  const isHandedOver = stands.some(([, action]) => action === 'refer_to_collections')
  expect(holds.data.some(({ reason }) => reason === 'third_party')).toBe(isHandedOver)
}

/** Each change of it is sent once: no two events in a row say the same, and the last one says what is. */
export async function expectServiceChangesAlternate({ ledger, clientId }: World): Promise<void> {
  const events = await ledger.events('client.service_suspended', 'client.service_ending', 'client.service_restored')
  const told = events.map(({ object }) => String(object['service_status']))
  expect(told.filter((status, index) => status === (told[index - 1] ?? 'active'))).toEqual([])
  const { service_status: now } = await done(ledger.call<Client>('GET', `/v1/clients/${clientId}`))
  expect(told.at(-1) ?? 'active').toBe(now)
}
