import { deeds, type Told } from './letters.ts'
import type { Subscribed } from './memory.ts'

const DESCRIPTION = 'The example consumer'

type Page<T> = Readonly<{ data: readonly T[]; next_cursor: string | null }>
type Endpoint = Readonly<{ id: string; url: string; description: string | null; status: string }>
export type Logged = Readonly<{ id: string; type: string; body: Told | null }>
type Entry = Readonly<{ id: string; mistaken_at: string | null }>
type Explained = Readonly<{
  obligations: readonly Readonly<{ obligation_id: string; balance: string; entries: readonly Entry[] }>[]
}>

export class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What this consumer asks of the service. */
export function connect(service: string, key: string) {
  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    const headers = { authorization: `Bearer ${key}`, ...json }
    const asked = fetch(`${service}/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    const answer = await asked.catch((cause: Error) => {
      throw new Error(`Nothing answers at ${service}: is it running (npm start)?`, { cause: cause.cause })
    })
    const text = await answer.text()
    if (!answer.ok) throw new Refused(answer.status, `${method} ${path} was answered ${answer.status}: ${text}`)
    return (text === '' ? null : JSON.parse(text)) as T
  }

  async function find(id: string): Promise<Endpoint | undefined> {
    try {
      return await call<Endpoint>('GET', `/webhook-endpoints/${id}`)
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined
      throw error
    }
  }

  return {
    /** Goes on with the subscription that it had, at this URL. @returns false where the service does not know it. */
    async resume({ id }: Subscribed, url: string): Promise<boolean> {
      const endpoint = await find(id)
      if (endpoint === undefined) return false
      if (endpoint.url !== url) await call('PATCH', `/webhook-endpoints/${id}`, { url })
      if (endpoint.status === 'disabled') await call('POST', `/webhook-endpoints/${id}/enable`, {})
      return true
    },

    async subscribe(url: string): Promise<Subscribed> {
      // Of a consumer whose memory was deleted: nobody has its secret any more.
      const { data } = await call<Page<Endpoint>>('GET', '/webhook-endpoints?limit=200')
      for (const old of data) {
        if (old.url === url && old.description === DESCRIPTION) await call('DELETE', `/webhook-endpoints/${old.id}`)
      }
      return call('POST', '/webhook-endpoints', { url, event_types: Object.keys(deeds), description: DESCRIPTION })
    },

    /** The log of events after this one, in its order. @throws Refused with status 410 where the log does not have it any more. */
    async *pagesAfter(id: string | undefined): AsyncGenerator<readonly Logged[]> {
      let hasMore = true
      for (let last = id; hasMore; ) {
        const page: Page<Logged> = await call('GET', `/events?limit=200${last === undefined ? '' : `&after_id=${last}`}`)
        yield page.data
        last = page.data.at(-1)?.id ?? last
        hasMore = page.next_cursor !== null
      }
    },

    /** Whether the stage that a reminder tells of is where the invoice stands now, and something of it is open. */
    async stillStands({ data: { object, context } }: Told): Promise<boolean> {
      const { obligations } = await call<Explained>('GET', `/invoices/${object.id}/dunning`)
      const obligation = obligations.find((one) => one.obligation_id === context.obligation?.id)
      const last = obligation?.entries.findLast((entry) => entry.mistaken_at === null)
      return last?.id === context.entry_id && Number(obligation?.balance) > 0
    }
  }
}
