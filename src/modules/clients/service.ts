import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Contexts } from '../events/changes.ts'
import type { EventDraft, EventType } from '../events/event.ts'
import { previousOf } from '../events/previous.ts'
import type { EventService } from '../events/service.ts'
import type { Books } from '../organizations/organization.ts'
import { type OrganizationService, refuseStale } from '../organizations/service.ts'
import { type ExternalRef, inOrder } from '../references/reference.ts'
import type { ReferenceService } from '../references/service.ts'
import { createClientPuts } from './by-ref-service.ts'
import {
  applyChange,
  type Client,
  type ClientChange,
  type ClientTerms,
  changesGrounds,
  type NewClient,
  type PolicyChange,
  type PolicyScope,
  policyScopeOf,
  type ServiceStatus
} from './client.ts'
import { toDocument } from './client-document.ts'
import { contactsAfter } from './contacts.ts'
import * as repository from './repository.ts'
import { createTransitions, eventOf } from './transition-service.ts'

export type GroundsChange = Readonly<{
  clientId: string
  /** Null if the policy stays. */
  policy: Readonly<{ beforeId: string | null; afterId: string | null; appliesTo: PolicyScope }> | null
  /** Its time zone or its exemption is another. */
  isOtherwiseChanged: boolean
}>

export type ClientPorts = Readonly<{
  /**
   * What dunning decides this client's invoices by has changed: they are to be decided anew.
   * @returns how many invoices another policy moved or left; 0 if the policy stays.
   */
  groundsChanged: (tx: Tx, changed: GroundsChange) => Promise<number>
  /** Where nothing is owed, parting with it is complete at once. */
  offboardingStarted: (tx: Tx, started: { books: Books; clientId: string }) => Promise<void>
  /** Money of its parent may be named for its invoices. */
  parentChanged: (tx: Tx, changed: { books: Books; clientId: string }) => Promise<unknown>
  /** It has a name now that something waits for. Told before the commit, after the events of the client. */
  named: (tx: Tx, given: { clientId: string; refs: readonly ExternalRef[] }) => Promise<void>
}>

export type ClientServiceDeps = Readonly<{
  newId: () => string
  events: EventService
  organizations: OrganizationService
  references: ReferenceService
  ports: ClientPorts
}>

type Insert = Readonly<{ id: string; input: NewClient; awaited?: readonly ExternalRef[] }>
type Update = Readonly<{ id: string; change: ClientChange; expectedVersion?: number | undefined }>
export type Updated = Readonly<{ client: Client; policyChange: PolicyChange | null }>
/** The status that a client is to have, and why. */
export type ServiceChange = Readonly<{ status: ServiceStatus; context: object }>

const serviceEvents = {
  active: 'client.service_restored',
  suspended: 'client.service_suspended',
  ending: 'client.service_ending'
} as const

export function createClientService({ newId, events, organizations, references, ports }: ClientServiceDeps) {
  const changes = createTransitions(events)

  async function get(reader: Reader, id: string): Promise<Client> {
    return (await repository.find(reader, id)) ?? missing()
  }

  async function getForUpdate(tx: Tx, id: string): Promise<Client> {
    return (await repository.findForUpdate(tx, id)) ?? missing()
  }

  async function idOf(reader: Reader, ref: ExternalRef): Promise<string> {
    const found = await references.find(reader, { kind: 'client', ...ref })
    return found?.objectId ?? missing()
  }

  /** Writes what changed. The events follow from it before the commit. */
  async function save(
    tx: Tx,
    { now }: { now: Date },
    { before, after, contexts }: { before: Client; after: Client; contexts?: Contexts }
  ): Promise<void> {
    changes.changing(tx, { now }, [before], contexts)
    await repository.save(tx, after)
    changes.stand(tx, [after])
  }

  /** One level: who is told and may pay for others has nobody who does it for them. The client is locked, the parent shared. */
  async function refuseParent(tx: Tx, { id, parentId }: { id: string; parentId: string }): Promise<void> {
    const pointer = '/parent_id'
    await refuseParentOf(tx, { id, isOwn: parentId === id })
    const parent = await repository.findParent(tx, parentId)
    if (parent === undefined) throw new DomainError('reference_not_found', 'There is no such client.', { pointer })
    if (parent.parentId !== null) throw new DomainError('nested_parent', 'The parent has a parent itself.', { pointer })
  }

  /** What is wrong whoever the parent is. @param of.isOwn whether it is the client itself. */
  async function refuseParentOf(tx: Tx, { id, isOwn }: { id: string | null; isOwn: boolean }): Promise<void> {
    const pointer = '/parent_id'
    if (isOwn) throw new DomainError('nested_parent', 'A client is not its own parent.', { pointer })
    if (id !== null && (await repository.hasChild(tx, id))) {
      throw new DomainError('nested_parent', 'This client is the parent of others, so it has no parent itself.', { pointer })
    }
  }

  /** With the id of the parent in place of its reference. @throws DomainError `reference_not_found`. */
  async function withParentId<T extends ClientChange>(tx: Tx, { parentRef, ...stated }: T) {
    if (parentRef === undefined) return stated
    const found = await references.find(tx, { kind: 'client', ...parentRef })
    if (found !== undefined) return { ...stated, parentId: found.objectId }
    const sentence = 'There is no client with this reference. Send the parent first, then this again.'
    throw new DomainError('reference_not_found', sentence, { pointer: '/parent_ref' })
  }

  /** @param awaited names of its that it has already, and that something waits for. */
  async function insert(tx: Tx, { id, input, awaited = [] }: Insert): Promise<Client> {
    const { now } = await organizations.books(tx)
    const { archived, ...rest } = await withParentId(tx, input)
    const contacts = contactsAfter([], input.contacts, newId)
    const archivedAt = archived ? now : null
    const service = {
      serviceStatus: 'active',
      offboardingStartedAt: null,
      offboardedAt: null,
      nextNoticeAt: null,
      holdReviewDueAt: null
    } as const
    const externalRefs = inOrder(input.externalRefs)
    const times = { createdAt: now, updatedAt: now }
    const client: Client = { ...rest, ...service, id, contacts, externalRefs, archivedAt, version: 1, ...times }
    if (client.parentId !== null) await refuseParent(tx, { id, parentId: client.parentId })
    await repository.insert(tx, client)
    if (contacts.length > 0) await repository.saveContacts(tx, client)
    const refs = [...awaited, ...(await references.add(tx, { kind: 'client', objectId: id, refs: input.externalRefs }))]
    changes.created(tx, { now }, [client])
    if (refs.length > 0) tx.atEnd(() => ports.named(tx, { clientId: id, refs }))
    return client
  }

  async function update(tx: Tx, { id, change, expectedVersion }: Update): Promise<Updated> {
    const { externalRefs: refs } = change
    if (refs !== undefined) await references.lockAll(tx, { kind: 'client', objectId: id, refs })
    const stated = await withParentId(tx, change)
    const parent = stated.parentId && repository.lockWithParent(tx, { id, parentId: stated.parentId })
    const [books, , before] = await Promise.all([organizations.books(tx), parent, getForUpdate(tx, id)])
    const { now } = books
    refuseStale(before.version, expectedVersion)
    const changed = applyChange(before, stated, { now, newId })
    const previous = previousOf(toDocument(before), toDocument(changed))
    if (Object.keys(previous).length === 0) return { client: before, policyChange: null }
    const after: Client = { ...changed, version: before.version + 1, updatedAt: now }
    const isParented = after.parentId !== null && after.parentId !== before.parentId
    if (isParented) await refuseParent(tx, { id, parentId: after.parentId })
    await save(tx, { now }, { before, after })
    const appliesTo = policyScopeOf(before, after, change)
    if (previous.contacts !== undefined) await repository.saveContacts(tx, after)
    const isRenamed = previous.external_refs !== undefined
    const awaited = isRenamed ? await references.replace(tx, { kind: 'client', objectId: id, refs: refs ?? [] }) : []
    const policy = appliesTo && { beforeId: before.dunningPolicyId, afterId: after.dunningPolicyId, appliesTo }
    const isOtherwiseChanged = changesGrounds(before, after)
    const isRedecided = policy !== null || isOtherwiseChanged
    const invoices = isRedecided ? await ports.groundsChanged(tx, { clientId: id, policy, isOtherwiseChanged }) : 0
    if (isParented) await ports.parentChanged(tx, { books, clientId: id })
    if (awaited.length > 0) tx.atEnd(() => ports.named(tx, { clientId: id, refs: awaited }))
    return { client: after, policyChange: appliesTo && { appliesTo, invoices } }
  }

  return {
    ...createClientPuts({ newId, references, get, idOf, insert, update }),
    /** @throws DomainError `not_found`. */
    get,

    /** Whose days count for a client: its own zone's where it has one, else the organization's. */
    zoneOf: async (reader: Reader, clientId: string, { organization }: Pick<Books, 'organization'>): Promise<string> =>
      (await get(reader, clientId)).timeZone ?? organization.timeZone,

    zones: repository.zones,

    /** By id. Those that do not exist are not among them. */
    async getMany(reader: Reader, ids: readonly string[]): Promise<ReadonlyMap<string, Client>> {
      return new Map((await repository.findMany(reader, ids)).map((client) => [client.id, client]))
    },

    /** Locks the client, which is the first lock of every command that moves its invoices or payments. */
    getForUpdate,
    versionForUpdate: async (tx: Tx, id: string): Promise<number> => (await getForUpdate(tx, id)).version,

    getByRef: async (reader: Reader, ref: ExternalRef): Promise<Client> => get(reader, await idOf(reader, ref)),

    /**
     * Locks the client that a body names and tells what an invoice or payment needs of it.
     * @throws DomainError `reference_not_found`, naming `/client_id`.
     */
    async lock(tx: Tx, id: string): Promise<ClientTerms> {
      const terms = await repository.lockOne(tx, id)
      if (terms === undefined) {
        throw new DomainError('reference_not_found', 'There is no such client.', { pointer: '/client_id' })
      }
      return terms
    },

    /** The same for many at once, by id. Those that do not exist are not among them. */
    lockMany: (tx: Tx, ids: readonly string[]): Promise<ClientTerms[]> => repository.lock(tx, ids),

    branchesOf: repository.branchesOf,
    refuseParentOf,

    page: (reader: Reader, filter: repository.ClientFilter): Promise<Client[]> => repository.page(reader, filter),

    /** @throws DomainError naming the field: an unknown parent or policy, a parent that has one, a taken reference. */
    create: (tx: Tx, input: NewClient): Promise<Client> => insert(tx, { id: newId(), input }),

    /**
     * What is absent stays. A change that changes nothing raises no version and tells nobody.
     * @throws DomainError `version_conflict` when the client is not at the version that the change was made from.
     */
    update,

    /**
     * Changes what should be done for clients that are locked, and tells. Those that have the status already are passed over.
     * @param wanted by client, with what an event says of why.
     */
    async setServiceStatus(tx: Tx, { now }: { now: Date }, wanted: ReadonlyMap<string, ServiceChange>): Promise<void> {
      const found = await repository.findMany(tx, [...wanted.keys()])
      for (const before of found) {
        const change = wanted.get(before.id)
        if (change === undefined || change.status === before.serviceStatus) continue
        const after: Client = { ...before, serviceStatus: change.status, version: before.version + 1, updatedAt: now }
        await save(tx, { now }, { before, after, contexts: { [serviceEvents[change.status]]: change.context } })
      }
    },

    setNextNotice(tx: Tx, notice: Readonly<{ id: string; at: Date | null }>): Promise<void> {
      changes.touched(tx, [notice.id])
      return repository.setNextNotice(tx, notice)
    },

    /** An event about a client that did not itself change. */
    eventAbout: (type: EventType, client: Client, context: object): EventDraft => eventOf(type, client, { context }),

    /**
     * Begins to part with a client: no new invoices but those for what was agreed before; what is open goes on being collected.
     * @throws DomainError `client_offboarding` where that began before.
     */
    async offboard(tx: Tx, id: string): Promise<Client> {
      const [books, before] = await Promise.all([organizations.books(tx), getForUpdate(tx, id)])
      const { now } = books
      if (before.offboardingStartedAt !== null) {
        throw new DomainError('client_offboarding', `Offboarding began on ${before.offboardingStartedAt.toISOString()}.`)
      }
      const after: Client = { ...before, offboardingStartedAt: now, version: before.version + 1, updatedAt: now }
      await save(tx, books, { before, after })
      await ports.offboardingStarted(tx, { books, clientId: id })
      return get(tx, id)
    },

    /** What became of clients that are being parted with, and are locked: `isSettled` says that nothing is owed any more. */
    async followOffboarding(
      tx: Tx,
      { now }: { now: Date },
      clients: readonly Readonly<{ id: string; isSettled: boolean; statement: object }>[]
    ): Promise<void> {
      for (const { id, isSettled, statement } of clients) {
        const before = await get(tx, id)
        if (before.offboardingStartedAt === null || (before.offboardedAt !== null) === isSettled) continue
        const after: Client = { ...before, offboardedAt: isSettled ? now : null, version: before.version + 1, updatedAt: now }
        const type = isSettled ? 'client.offboarding_completed' : 'client.updated'
        await save(tx, { now }, { before, after, contexts: { [type]: { statement } } })
      }
    },

    /** Only a client without ledger: what was owed and paid is kept for good. */
    async remove(tx: Tx, { id, expectedVersion }: { id: string; expectedVersion?: number | undefined }): Promise<void> {
      const [{ now }, client] = await Promise.all([organizations.books(tx), getForUpdate(tx, id)])
      refuseStale(client.version, expectedVersion)
      await repository.remove(tx, id)
      await references.replace(tx, { kind: 'client', objectId: id, refs: [] })
      await events.append(tx, { occurredAt: now, drafts: [eventOf('client.deleted', client, { previous: null })] })
    }
  }
}

export type ClientService = ReturnType<typeof createClientService>

function missing(): never {
  throw new DomainError('not_found', 'There is no such client.')
}
