import { isDeepStrictEqual } from 'node:util'
import type { Reader, Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { EventType } from '../events/event.ts'
import type { EventService } from '../events/service.ts'
import { type AddressPolicy, judgeUrl } from './address-guard.ts'
import * as repository from './endpoint-repository.ts'
import { openHeaders, sealHeaders } from './header-secrets.ts'
import { resetHealth } from './outcome-repository.ts'
import * as queue from './queue-repository.ts'
import type { ReplayService } from './replay-service.ts'
import { endpointToApi, signatureOf } from './schemas.ts'
import { NONCE_BYTES, type SecretBox } from './secret-box.ts'
import { headersFault } from './signature.ts'
import { generateKeyPair, generateSecret, type SignatureKind } from './signing-keys.ts'

export type EndpointServiceDeps = Readonly<{
  clock: Clock
  newId: () => string
  randomBytes: (length: number) => Buffer
  events: EventService
  replays: ReplayService
  /** The organization's time, at which its events occur. */
  organizationNow: (reader: Reader) => Promise<Date>
  addressPolicy: AddressPolicy
  secretBox: SecretBox
  wakeDeliveries: () => void
}>

export type EndpointSettings = Readonly<
  Pick<
    repository.Endpoint,
    'url' | 'description' | 'eventTypes' | 'maxInFlight' | 'timeoutMs' | 'ratePerSecond' | 'payload' | 'supersede'
  > & { headers: Record<string, string> }
>

type Enabling = Readonly<{
  id: string
  resume: 'continue' | 'skip'
  /** What it missed from then on, in real time, is sent too. */
  replaySince: Date | null
}>

type Told = Readonly<{
  type: Extract<EventType, `webhook_endpoint.${string}`>
  to?: 'subscribers' | 'nobody'
  context?: object
}>

/** The secret is null where receivers verify with a public key. */
export type WithSecret = Readonly<{ view: repository.EndpointView; secret: string | null }>

const ROTATION_GRACE_MS = 24 * 3_600_000
/** Each signs, and a header holds only so much. */
const SIGNING_MAX = 5
/** An organization has no use for more, and each event is matched against all of them. */
const ENDPOINTS_MAX = 100

/** Where a sealed secret belongs: it opens nowhere else. */
export function secretContext(orgId: string, endpointId: string): string {
  return `${orgId}/${endpointId}`
}

export function createEndpointService(deps: EndpointServiceDeps) {
  const { clock, newId, randomBytes, events, replays, organizationNow, addressPolicy, secretBox, wakeDeliveries } = deps

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

  /** @returns what is shown of it, this once: of a key pair nothing, for its public key is shown always. */
  async function addSecret(tx: Tx, { endpointId, kind }: { endpointId: string; kind: SignatureKind }): Promise<string | null> {
    const shared = { secret: generateSecret(randomBytes), publicKey: null }
    const { secret, publicKey } = kind === 'v1' ? shared : generateKeyPair(randomBytes)
    const sealed = secretBox.seal(secret, { nonce: randomBytes(NONCE_BYTES), context: secretContext(tx.orgId, endpointId) })
    await repository.insertSecret(tx, { id: newId(), endpointId, sealed, publicKey, createdAt: clock.now() })
    return kind === 'v1' ? secret : null
  }

  function checked<Settings extends Pick<EndpointSettings, 'url'>>(settings: Settings): Settings {
    const verdict = judgeUrl(settings.url, addressPolicy)
    if (!verdict.allowed) throw new DomainError('endpoint_url_refused', verdict.reason, { pointer: '/url' })
    return { ...settings, url: verdict.url.href }
  }

  function refuseHeaders(headers: EndpointSettings['headers']): void {
    const fault = headersFault(headers)
    if (fault !== undefined) throw new DomainError('invalid_request', fault, { pointer: '/headers' })
  }

  const sealedHeaders = (tx: Tx, endpointId: string, headers: EndpointSettings['headers']) =>
    sealHeaders(headers, { secretBox, randomBytes, orgId: tx.orgId, endpointId })

  /** Sealed anew, the same value is another text: headers that do not change stay as they are stored. */
  function changedHeaders(
    tx: Tx,
    { id, headers: before }: repository.Endpoint,
    headers: EndpointSettings['headers'] | undefined
  ) {
    if (headers === undefined) return before
    refuseHeaders(headers)
    const hasSameNames = isDeepStrictEqual(new Set(Object.keys(headers)), new Set(Object.keys(before)))
    const isSame =
      hasSameNames && isDeepStrictEqual(headers, openHeaders(before, { ...secretBox, orgId: tx.orgId, endpointId: id }))
    return isSame ? before : sealedHeaders(tx, id, headers)
  }

  /** Says of an endpoint what happened to it. Whoever else subscribed hears of it; it has no say in being heard. */
  async function tell(tx: Tx, view: repository.EndpointView, { type, to = 'subscribers', context = {} }: Told) {
    const subject = { kind: 'webhook_endpoint', id: view.id, version: view.version }
    const drafts = [{ type, subject, clientId: null, object: endpointToApi(view), context }]
    const [eventId] = await events.append(tx, { occurredAt: await organizationNow(tx), drafts, to })
    assert(eventId !== undefined, 'one draft gives one event')
    return eventId
  }

  return {
    get,

    /** What telling afresh needs to know of an endpoint; undefined where there is none. */
    async receiver(reader: Reader, id: string) {
      const found = await repository.receiver(reader, id)
      if (found === undefined) return undefined
      const { isEnabled, eventTypes, skippedAt } = found
      const takes = (type: string) => [type, `${type.split('.', 1)[0]}.*`, '*'].some((name) => eventTypes.includes(name))
      return { isEnabled, takes, skippedAt }
    },

    page: (reader: Reader, input: repository.EndpointPage) => repository.page(reader, input),

    /** @returns the secret too: it is shown this once and kept sealed. */
    async create(tx: Tx, { settings, signature }: { settings: EndpointSettings; signature: SignatureKind }): Promise<WithSecret> {
      await repository.lockLimits(tx)
      if ((await repository.count(tx)) >= ENDPOINTS_MAX)
        throw new DomainError(
          'limit_reached',
          `An organization has at most ${ENDPOINTS_MAX} endpoints: change one, or delete one that is no longer used.`
        )
      const at = clock.now()
      const id = newId()
      const fresh = { status: 'enabled', disabledReason: null, version: 1, createdAt: at, updatedAt: at } as const
      refuseHeaders(settings.headers)
      await repository.insert(tx, { ...checked(settings), headers: sealedHeaders(tx, id, settings.headers), ...fresh, id })
      await resetHealth(tx, id)
      const secret = await addSecret(tx, { endpointId: id, kind: signature })
      return { view: await get(tx, id), secret }
    },

    /** Changes settings; what is absent stays. What is queued goes to the new URL, which starts with a clean bill of health. */
    async update(
      tx: Tx,
      { id, change, expectedVersion }: { id: string; change: Partial<EndpointSettings>; expectedVersion?: number | undefined }
    ): Promise<repository.EndpointView> {
      const before = await locked(tx, id)
      refuseStale(before.version, expectedVersion)
      const settings = checked({ ...before, ...change, headers: changedHeaders(tx, before, change.headers) })
      if (isDeepStrictEqual({ ...before, ...settings }, before)) return get(tx, id)
      if (settings.url !== before.url) await resetHealth(tx, id)
      await repository.save(tx, { ...before, ...settings, version: before.version + 1, updatedAt: clock.now() })
      tx.afterCommit(wakeDeliveries)
      return get(tx, id)
    },

    /** What waits for it is cancelled; what is under way is finished. */
    async remove(tx: Tx, { id, expectedVersion }: { id: string; expectedVersion?: number | undefined }): Promise<void> {
      refuseStale((await locked(tx, id)).version, expectedVersion)
      await repository.remove(tx, id)
      await queue.cancelQueue(tx, id)
    },

    /** A new secret signs from now on; each before it signs beside it until its own day is over. */
    async rotateSecret(tx: Tx, { id, signature }: { id: string; signature: SignatureKind | undefined }): Promise<WithSecret> {
      const before = await locked(tx, id)
      const at = clock.now()
      await repository.retireSecret(tx, { endpointId: id, graceMs: ROTATION_GRACE_MS, formerMax: SIGNING_MAX - 1 })
      const kind = signature ?? signatureOf(before)
      const secret = await addSecret(tx, { endpointId: id, kind })
      await repository.save(tx, { ...before, version: before.version + 1, updatedAt: at })
      return { view: await get(tx, id), secret }
    },

    /** Lets it have deliveries again, with a clean bill of health. What was queued when it was disabled is sent or dropped. */
    async enable(tx: Tx, { id, resume, replaySince }: Enabling): Promise<repository.EndpointView> {
      const before = await locked(tx, id)
      if (resume === 'skip') {
        await replays.cancelOf(tx, id)
        await repository.skip(tx, id)
        await queue.cancelQueue(tx, id)
      }
      // While it is disabled, those that wait for it leave room for this one.
      if (replaySince !== null) await replays.startMissed(tx, { endpointId: id, since: replaySince })
      await queue.renew(tx, id)
      await resetHealth(tx, id)
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

    /** Sends it nothing more until it is enabled again, and tells the organization's other endpoints. */
    async disable(tx: Tx, { id, reason }: { id: string; reason: string }): Promise<void> {
      const before = await locked(tx, id)
      if (before.status === 'disabled') return
      const change = { status: 'disabled', disabledReason: reason, version: before.version + 1, updatedAt: clock.now() } as const
      await repository.save(tx, { ...before, ...change })
      await tell(tx, await get(tx, id), { type: 'webhook_endpoint.disabled' })
    },

    /** Tells the other endpoints that this one will be disabled if it goes on failing. @param percent of the time to that is over. */
    async announceFailing(tx: Tx, { id, percent }: { id: string; percent: number }): Promise<void> {
      await tell(tx, await get(tx, id), { type: 'webhook_endpoint.failing', context: { percent } })
    },

    /**
     * Fires `webhook_endpoint.test` and sends it to this endpoint alone, subscribed or not.
     * @returns the delivery's id.
     */
    async test(tx: Tx, id: string): Promise<string> {
      const view = await locked(tx, id)
      if (view.status === 'disabled') throw new DomainError('endpoint_disabled', 'The endpoint is disabled: enable it first.')
      const eventId = await tell(tx, view, { type: 'webhook_endpoint.test', to: 'nobody' })
      tx.afterCommit(wakeDeliveries)
      const deliveryId = await queue.deliverTo(tx, { endpointId: id, eventId })
      assert(deliveryId !== undefined, 'a new event was delivered nowhere')
      return deliveryId
    }
  }
}

export type EndpointService = ReturnType<typeof createEndpointService>

function refuseStale(version: number, expected: number | undefined): void {
  if (expected !== undefined && expected !== version) {
    throw new DomainError('version_conflict', `This is version ${version} now; the change was made from version ${expected}.`)
  }
}

function notFound(): DomainError {
  return new DomainError('not_found', 'There is no such webhook endpoint.')
}
