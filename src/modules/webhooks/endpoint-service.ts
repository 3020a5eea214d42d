import type { Reader, Tx } from '../../db/client.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { EventService } from '../events/service.ts'
import { type AddressPolicy, judgeUrl } from './address-guard.ts'
import * as repository from './endpoint-repository.ts'
import { unblemished } from './health.ts'
import * as healthRepository from './health-repository.ts'
import * as queue from './queue-repository.ts'
import { NONCE_BYTES, type SecretBox } from './secret-box.ts'
import { generateSecret, headerFault } from './signature.ts'

export type EndpointServiceDeps = Readonly<{
  clock: Clock
  newId: () => string
  randomBytes: (length: number) => Buffer
  events: EventService
  addressPolicy: AddressPolicy
  secretBox: SecretBox
  wakeDeliveries: () => void
}>

export type EndpointSettings = Readonly<
  Pick<repository.Endpoint, 'url' | 'description' | 'eventTypes' | 'headers' | 'maxInFlight' | 'timeoutMs'>
>

const HOUR_MS = 3_600_000
const ROTATION_GRACE_HOURS = 24
/** An organization has no use for more, and each event is matched against all of them. */
const ENDPOINTS_MAX = 100

/** Where a sealed secret belongs: it opens nowhere else. */
export function secretContext(orgId: string, endpointId: string): string {
  return `${orgId}/${endpointId}`
}

export function createEndpointService(deps: EndpointServiceDeps) {
  const { clock, newId, randomBytes, events, addressPolicy, secretBox, wakeDeliveries } = deps

  async function get(reader: Reader, id: string): Promise<repository.EndpointView> {
    const view = await repository.find(reader, id)
    if (view === undefined) throw notFound()
    return view
  }

  async function locked(tx: Tx, id: string): Promise<repository.EndpointView> {
    const view = await repository.findForUpdate(tx, id)
    if (view === undefined) throw notFound()
    return view
  }

  async function addSecret(tx: Tx, endpointId: string): Promise<string> {
    const secret = generateSecret(randomBytes)
    const sealed = secretBox.seal(secret, { nonce: randomBytes(NONCE_BYTES), context: secretContext(tx.orgId, endpointId) })
    await repository.insertSecret(tx, { id: newId(), endpointId, sealed, createdAt: clock.now() })
    return secret
  }

  function checked(settings: EndpointSettings): EndpointSettings {
    const verdict = judgeUrl(settings.url, addressPolicy)
    if (!verdict.allowed) throw new DomainError('endpoint_url_refused', verdict.reason, { pointer: '/url' })
    for (const [name, value] of Object.entries(settings.headers)) {
      const fault = headerFault(name, value)
      if (fault !== undefined) throw new DomainError('invalid_request', fault, { pointer: '/headers' })
    }
    return { ...settings, url: verdict.url.href }
  }

  return {
    get,
    page: (reader: Reader, input: repository.EndpointPage) => repository.page(reader, input),

    /** @returns the secret too: it is shown this once and kept sealed. */
    async create(tx: Tx, settings: EndpointSettings): Promise<{ view: repository.EndpointView; secret: string }> {
      const others = await repository.page(tx, { limit: ENDPOINTS_MAX, after: null, updatedSince: null })
      if (others.length === ENDPOINTS_MAX)
        throw new DomainError('limit_reached', `An organization has at most ${ENDPOINTS_MAX} endpoints.`)
      const at = clock.now()
      const id = newId()
      const fresh = { status: 'enabled', disabledReason: null, version: 1, createdAt: at, updatedAt: at } as const
      await repository.insert(tx, { ...checked(settings), ...fresh, id })
      await healthRepository.insert(tx, id)
      const secret = await addSecret(tx, id)
      return { view: await get(tx, id), secret }
    },

    /** Changes settings; what is absent stays. What is queued goes to the new URL. */
    async update(
      tx: Tx,
      { id, change, isCurrent }: { id: string; change: Partial<EndpointSettings>; isCurrent: (version: number) => void }
    ): Promise<repository.EndpointView> {
      const before = await locked(tx, id)
      isCurrent(before.version)
      const settings = checked({ ...before, ...change })
      await repository.save(tx, { ...before, ...settings, version: before.version + 1, updatedAt: clock.now() })
      return get(tx, id)
    },

    /** What is queued for it is cancelled. */
    async remove(tx: Tx, id: string): Promise<void> {
      await locked(tx, id)
      await queue.cancelQueue(tx, id)
      await repository.remove(tx, id)
    },

    /** A new secret signs from now on; the old ones sign beside it for a day. */
    async rotateSecret(tx: Tx, id: string): Promise<{ view: repository.EndpointView; secret: string }> {
      const before = await locked(tx, id)
      const at = clock.now()
      await repository.endSecrets(tx, { endpointId: id, at: new Date(at.getTime() + ROTATION_GRACE_HOURS * HOUR_MS) })
      const secret = await addSecret(tx, id)
      await repository.save(tx, { ...before, version: before.version + 1, updatedAt: at })
      return { view: await get(tx, id), secret }
    },

    /** Lets it have deliveries again, with a clean bill of health. What was queued when it was disabled is sent or dropped. */
    async enable(tx: Tx, { id, resume }: { id: string; resume: 'continue' | 'skip' }): Promise<repository.EndpointView> {
      const before = await locked(tx, id)
      if (resume === 'skip') await queue.cancelQueue(tx, id)
      await healthRepository.save(tx, { endpointId: id, health: unblemished, succeededAt: null, failedAt: null, failure: null })
      await repository.save(tx, {
        ...before,
        status: 'enabled',
        disabledReason: null,
        version: before.version + 1,
        updatedAt: clock.now()
      })
      tx.afterCommit(wakeDeliveries)
      return get(tx, id)
    },

    /** Fires `webhook_endpoint.test` and sends it to this endpoint, subscribed or not. */
    async test(
      tx: Tx,
      { id, occurredAt, toApi }: { id: string; occurredAt: Date; toApi: (view: repository.EndpointView) => object }
    ): Promise<string> {
      const view = await locked(tx, id)
      if (view.status === 'disabled') throw new DomainError('endpoint_disabled', 'The endpoint is disabled: enable it first.')
      const subject = { kind: 'webhook_endpoint', id, version: view.version }
      const [eventId] = await events.append(tx, {
        occurredAt,
        drafts: [{ type: 'webhook_endpoint.test', subject, clientId: null, object: toApi(view) }]
      })
      if (eventId === undefined) throw new DomainError('not_found', 'There is no such endpoint.')
      await queue.deliverTo(tx, { endpointId: id, eventId })
      tx.afterCommit(wakeDeliveries)
      return eventId
    }
  }
}

export type EndpointService = ReturnType<typeof createEndpointService>

function notFound(): DomainError {
  return new DomainError('not_found', 'There is no such webhook endpoint.')
}
