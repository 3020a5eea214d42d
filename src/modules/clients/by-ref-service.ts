import type { Static } from 'typebox'
import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ByRefWrites } from '../pending-writes/by-ref-writes.ts'
import type { ExternalRef } from '../references/reference.ts'
import type { ReferenceService } from '../references/service.ts'
import { type Client, type ClientChange, type NewClient, type PolicyChange, unsetClient } from './client.ts'
import { changeDocument } from './client-document.ts'
import { clientChangeFrom, type PutClient } from './schemas.ts'
import type { ClientService, Updated } from './service.ts'

type Put = Readonly<{
  ref: ExternalRef
  change: ClientChange
  sourceVersion?: bigint | undefined
  expectedVersion?: number | undefined
}>
export type PutResult = Readonly<{ client: Client; policyChange: PolicyChange | null; created: boolean; applied: boolean }>

type Deps = Readonly<{
  newId: () => string
  references: ReferenceService
  get: (reader: Reader, id: string) => Promise<Client>
  idOf: (reader: Reader, ref: ExternalRef) => Promise<string>
  insert: (tx: Tx, made: { id: string; input: NewClient; awaited: readonly ExternalRef[] }) => Promise<Client>
  update: (tx: Tx, update: { id: string; change: ClientChange; expectedVersion?: number | undefined }) => Promise<Updated>
}>

/** What another system says of its clients, by the names that they have there. */
export function createClientPuts({ newId, references, get, idOf, insert, update }: Deps) {
  return {
    /**
     * What another system sends about its client, found by the name it has there: makes the client or merges. Of two at
     * once the second waits and merges. A version older than one that came before changes nothing.
     */
    async put(tx: Tx, { ref, change, sourceVersion, expectedVersion }: Put): Promise<PutResult> {
      const name = { kind: 'client', ...ref } as const
      const claim = await references.claim(tx, { ...name, objectId: newId() })
      const isCurrent = sourceVersion === undefined || (await references.setSourceVersion(tx, { ...name, sourceVersion }))
      if (!isCurrent) return { client: await get(tx, claim.objectId), policyChange: null, created: false, applied: false }
      const merged = change.externalRefs === undefined ? change : { ...change, externalRefs: withRef(change.externalRefs, ref) }
      if (!claim.created) {
        const updated = await update(tx, { id: claim.objectId, change: merged, expectedVersion })
        return { ...updated, created: false, applied: true }
      }
      if (expectedVersion !== undefined) throw new DomainError('version_conflict', 'There is no such client yet.')
      const input = newClientFrom({ ...merged, externalRefs: merged.externalRefs ?? [ref] })
      const awaited = claim.isAwaited ? [ref] : []
      const client = await insert(tx, { id: claim.objectId, input, awaited })
      return { client, policyChange: null, created: true, applied: true }
    },

    /** Locks what a client is called and what it is to be called from now on, at once and in one order. */
    async lockNames(tx: Tx, { ref, refs }: { ref: ExternalRef; refs: readonly ExternalRef[] }): Promise<void> {
      const found = await references.find(tx, { kind: 'client', ...ref })
      await references.lockAll(tx, { kind: 'client', objectId: found?.objectId, refs: [ref, ...refs] })
    },

    /** The source no longer has this client. It gets no new invoices; what is open stays open. */
    archiveByRef: async (tx: Tx, ref: ExternalRef): Promise<Client> =>
      (await update(tx, { id: await idOf(tx, ref), change: { archived: true } })).client
  }
}

/** A client does not wait for its parent: only that it comes under it does. What its source deleted stays, archived, and takes what the source says of it. */
export function clientWrites(clients: ClientService): ByRefWrites {
  return {
    parentOf: ({ parent_id: id, parent_ref: ref }) =>
      ref === undefined || id !== undefined ? null : { kind: 'client', ...(ref as ExternalRef) },
    withParent: ({ parent_ref: _, ...body }, id) => ({ ...body, parent_id: id }),
    restating: async () => (before, said) => ({ ...before, ...said }),
    outlivesDeletion: true,

    async check(tx, { ref, body }, id) {
      const { parent_ref: parent, external_refs: refs } = body as Static<typeof PutClient>
      const isOwn = [ref, ...(refs ?? [])].some(({ source, id }) => source === parent?.source && id === parent.id)
      await clients.refuseParentOf(tx, { id, isOwn })
    },

    async lockNames(tx, { ref, body }, others) {
      const refs = body['external_refs'] as readonly ExternalRef[] | undefined
      if (refs !== undefined || others.length > 0) await clients.lockNames(tx, { ref, refs: [...(refs ?? []), ...others] })
    },

    apart: {
      split: ({ parent_id: id, parent_ref: ref, ...rest }) => ({
        rest,
        parent: { ...(id !== undefined && { parent_id: id }), ...(ref !== undefined && { parent_ref: ref }) }
      }),
      lock: clients.lockMany,
      join: (tx, { objectId: id, parentId }) => clients.update(tx, { id, change: { parentId } })
    },

    async put(tx, { ref, body, sourceVersion, revives, expectedVersion }) {
      const change = { ...(revives === true && { archived: false }), ...clientChangeFrom(body) }
      const version = sourceVersion ?? undefined
      const { client, policyChange, created, applied } = await clients.put(tx, {
        ...{ ref, change, sourceVersion: version, expectedVersion }
      })
      return { status: created ? 201 : 200, body: { ...changeDocument(client, policyChange), applied } }
    },

    remove: async (tx, ref) => ({
      status: 200,
      body: { ...changeDocument(await clients.archiveByRef(tx, ref), null), applied: true }
    }),

    unchanged: async (reader, ref) => ({
      status: 200,
      body: { ...changeDocument(await clients.getByRef(reader, ref), null), applied: false }
    })
  }
}

function withRef(refs: readonly ExternalRef[], own: ExternalRef): ExternalRef[] {
  return refs.some(({ source, id }) => source === own.source && id === own.id) ? [...refs] : [...refs, own]
}

function newClientFrom({ name, policyAppliesTo: _, ...rest }: ClientChange): NewClient {
  if (name === undefined) throw new DomainError('invalid_request', 'A new client needs a name.', { pointer: '/name' })
  return { ...unsetClient, ...rest, name }
}
