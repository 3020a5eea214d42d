import type { Reader, Tx } from '../../db/client.ts'
import { LockOutdated } from '../../db/errors.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DomainError } from '../../kernel/errors.ts'
import { type ExternalRef, inOrder, type ReferenceKind, refuseRepeated } from './reference.ts'
import type { Given } from './repository.ts'
import * as repository from './repository.ts'

export type ReferenceServiceDeps = Readonly<{ clock: Clock }>

/** A body names another object by our id or by what another system calls it. */
export type NamedBy = Readonly<{
  kind: ReferenceKind
  id?: string | undefined
  ref?: ExternalRef | undefined
  /** Where the two stand in the body, such as `/client_id` and `/client_ref`. */
  pointers: Readonly<{ id: string; ref: string }>
}>

/** A body names several objects by their ids or by what another system calls them, in `{kind}_ids` or `{kind}_refs`. */
export type NamedByMany = Readonly<{
  kind: ReferenceKind
  ids?: readonly string[] | undefined
  refs?: readonly ExternalRef[] | undefined
}>

export type Claim = Readonly<{
  objectId: string
  created: boolean
  sourceVersion: bigint | null
  /** Something waits for an object of this name, which it gets now. */
  isAwaited: boolean
}>

type OfObject = Readonly<{ kind: ReferenceKind; objectId: string; refs: readonly ExternalRef[] }>

/** Whether all of these owners give up their names. */
type AreGivenUp = (ownerIds: readonly string[]) => Promise<boolean>

/** A name is lost between the failed claim and the read only if its owner is deleted just then; twice in a row is no accident. */
const CLAIM_ATTEMPTS = 3

export function createReferenceService({ clock }: ReferenceServiceDeps) {
  /** Takes what is free of the names, and tells in whose way the others are. */
  async function take(
    tx: Tx,
    { kind, objectId, refs }: OfObject,
    areGivenUp: AreGivenUp | undefined
  ): Promise<{ free: Given[]; refusal?: DomainError }> {
    // In one order everywhere, so that two objects that want the same names cannot wait for each other.
    const free = await repository.insertFree(tx, { kind, objectId, refs: inOrder(refs), createdAt: clock.now() })
    if (free.length === refs.length) return { free }
    const owners =
      areGivenUp === undefined
        ? await repository.owners(tx, { kind, refs })
        : await repository.ownersForUpdate(tx, { kind, refs })
    const others = owners.filter((owner) => owner.objectId !== objectId)
    const ownerIds = [...new Set(others.map((other) => other.objectId))]
    if (others.length > 0 && (await areGivenUp?.(ownerIds)) === true) {
      const isMoved = await repository.moveSome(tx, { kind, objectId, refs: others, ownerIds })
      if (!isMoved) throw changedMeanwhile()
      return { free }
    }
    for (const [index, ref] of refs.entries()) {
      const owner = owners.find(({ source, id }) => source === ref.source && id === ref.id)
      if (owner === undefined) throw changedMeanwhile()
      if (owner.objectId !== objectId) return { free, refusal: taken(kind, { index, existingId: owner.objectId }) }
    }
    return { free }
  }

  async function add(tx: Tx, input: OfObject, areGivenUp?: AreGivenUp): Promise<ExternalRef[]> {
    if (input.refs.length === 0) return []
    refuseRepeated(input.refs)
    const { free, refusal } = await take(tx, input, areGivenUp)
    if (refusal !== undefined) throw refusal
    return awaitedOf(free)
  }

  async function getId(
    reader: Reader,
    { kind, ref, pointer }: { kind: ReferenceKind; ref: ExternalRef; pointer: string }
  ): Promise<string> {
    const found = await repository.find(reader, { kind, source: ref.source, id: ref.id })
    if (found === undefined) {
      throw new DomainError('reference_not_found', `There is no ${kind} with this reference.`, { pointer })
    }
    return found.objectId
  }

  async function resolve(reader: Reader, { kind, id, ref, pointers }: NamedBy): Promise<string> {
    if (id !== undefined && ref !== undefined) {
      throw new DomainError('invalid_request', `Name the ${kind} by its id or by its reference, not by both.`, {
        pointer: pointers.ref
      })
    }
    if (id !== undefined) return id
    if (ref !== undefined) return getId(reader, { kind, ref, pointer: pointers.ref })
    throw new DomainError('invalid_request', `Name the ${kind} here, or by its reference in ${pointers.ref.slice(1)}.`, {
      pointer: pointers.id
    })
  }

  return {
    find: (reader: Reader, name: repository.Name): Promise<repository.Found | undefined> => repository.find(reader, name),

    /** @throws DomainError `reference_not_found`, naming the field that holds the reference. */
    getId,

    /**
     * The id of what a body names by exactly one of two fields. An id is passed on unread: who uses it looks it up.
     * @throws DomainError `invalid_request` for none or both, `reference_not_found` for an unknown reference.
     */
    resolve,

    /** The same for what a body may leave out: null for neither. */
    resolveIfNamed: async (reader: Reader, named: NamedBy): Promise<string | null> =>
      named.id === undefined && named.ref === undefined ? null : resolve(reader, named),

    /**
     * The ids of what a body names by one of two lists; null for neither.
     * @throws DomainError `invalid_request` for both, or for two names of one object; `reference_not_found`.
     */
    async resolveMany(reader: Reader, { kind, ids, refs }: NamedByMany): Promise<string[] | null> {
      if (refs === undefined) return ids === undefined ? null : [...ids]
      const pointer = `/${kind}_refs`
      if (ids !== undefined) {
        throw new DomainError('invalid_request', `Name the ${kind}s by their ids or by their references, not by both.`, {
          pointer
        })
      }
      const found = await Promise.all(refs.map((ref, index) => getId(reader, { kind, ref, pointer: `${pointer}/${index}` })))
      const again = found.findIndex((id, index) => found.indexOf(id) !== index)
      if (again === -1) return found
      throw new DomainError('invalid_request', `Another reference names this ${kind} already.`, {
        pointer: `${pointer}/${again}`
      })
    },

    /**
     * Gives an object names. A name that it has already is no error; with `areGivenUp`, one that its owner needs no longer is none
     * either. @returns those that something waits for.
     * @throws DomainError `duplicate_reference`, pointing at `/external_refs/N`, with the id of the object that has the name.
     */
    add,

    /** The same for one of many: a refusal is returned, has taken nothing, and leaves the transaction good for the others. */
    async addUnlessTaken(tx: Tx, input: OfObject): Promise<DomainError | undefined> {
      try {
        refuseRepeated(input.refs)
      } catch (error) {
        if (error instanceof DomainError) return error
        throw error
      }
      const { free, refusal } = await take(tx, input, undefined)
      if (refusal !== undefined && free.length > 0) await repository.deleteSome(tx, { ...input, refs: free })
      return refusal
    },

    /** What is not in the list is no longer a name of the object. */
    async replace(tx: Tx, input: OfObject): Promise<ExternalRef[]> {
      refuseRepeated(input.refs)
      await repository.deleteAllBut(tx, input)
      return add(tx, input)
    },

    /** Gives all names of an object to the one that takes its place. */
    move: repository.move,

    /**
     * Takes a name for an object that is about to be made, or locks the name and tells whose it is: of two simultaneous
     * claims the second waits for the first to commit.
     */
    async claim(tx: Tx, { objectId, ...name }: repository.Name & { objectId: string }): Promise<Claim> {
      const { kind, source, id } = name
      for (let attempt = 1; attempt <= CLAIM_ATTEMPTS; attempt++) {
        const free = await repository.insertFree(tx, { kind, objectId, refs: [{ source, id }], createdAt: clock.now() })
        const [given] = free
        if (given !== undefined) return { objectId, created: true, sourceVersion: null, isAwaited: given.isAwaited }
        const owner = await repository.findForUpdate(tx, name)
        if (owner !== undefined) {
          return { objectId: owner.objectId, created: false, sourceVersion: owner.sourceVersion, isAwaited: false }
        }
      }
      throw changedMeanwhile()
    },

    /**
     * Remembers which version of the object its source has sent.
     * @returns false for a version older than the remembered one: it must change nothing. The same again is no older.
     */
    setSourceVersion: (tx: Tx, { sourceVersion, ...name }: repository.Name & { sourceVersion: bigint }): Promise<boolean> =>
      repository.raiseVersion(tx, name, sourceVersion),

    /** Locks all names of the object that has this one. */
    lockSiblings: repository.lockSiblings,

    /** Locks a name, whether it has an object or not: who writes under it, or gives it to an object, comes before or after. */
    lock: (tx: Tx, name: repository.Name): Promise<repository.Found | undefined> =>
      repository.lock(tx, name, { isAwaited: false, createdAt: clock.now() }),

    /** The same for what waits for the name: who gives it to an object learns that something does. */
    lockAwaited: (tx: Tx, name: repository.Name): Promise<repository.Found | undefined> =>
      repository.lock(tx, name, { isAwaited: true, createdAt: clock.now() }),

    /**
     * The same for several names, in the order in which everybody locks them: those that are given, and those that an object has, which
     * it may lose.
     */
    async lockAll(
      tx: Tx,
      { kind, objectId, refs }: Omit<OfObject, 'objectId'> & { objectId?: string | undefined }
    ): Promise<void> {
      const own = objectId === undefined ? [] : await repository.ofObjects(tx, [objectId])
      const once = onceInOrder([...own, ...refs])
      if (once.length > 0) await repository.lockAll(tx, { kind, refs: once, createdAt: clock.now() })
    },

    /**
     * `lockAwaited` for those of several names that no object has yet. Who calls it reads the names afterwards: one may have got an
     * object meanwhile.
     */
    async awaitMissing(tx: Tx, { kind, refs }: Omit<OfObject, 'objectId'>): Promise<void> {
      if (refs.length > 0) await repository.awaitMissing(tx, { kind, refs: onceInOrder(refs), createdAt: clock.now() })
    },

    /** Remembers with which version the source deleted the object; null forgets that it did. */
    setDeletedVersion: repository.setDeletedVersion,

    /** The references of each object, in order; an empty list for one that has none. */
    async of(reader: Reader, objectIds: readonly string[]): Promise<Map<string, ExternalRef[]>> {
      const refs = new Map<string, ExternalRef[]>(objectIds.map((objectId) => [objectId, []]))
      for (const { objectId, source, id } of await repository.ofObjects(reader, objectIds)) {
        refs.get(objectId)?.push({ source, id })
      }
      for (const [objectId, unordered] of refs) refs.set(objectId, inOrder(unordered))
      return refs
    }
  }
}

export type ReferenceService = ReturnType<typeof createReferenceService>

/** In the order in which everybody locks them. */
function onceInOrder(refs: readonly ExternalRef[]): ExternalRef[] {
  return inOrder([...new Map(refs.map((ref) => [JSON.stringify([ref.source, ref.id]), ref])).values()])
}

function awaitedOf(given: readonly Given[]): ExternalRef[] {
  return given.flatMap(({ source, id, isAwaited }) => (isAwaited ? [{ source, id }] : []))
}

function taken(kind: ReferenceKind, { index, existingId }: { index: number; existingId: string }): DomainError {
  return new DomainError('duplicate_reference', `Another ${kind} has this reference.`, {
    pointer: `/external_refs/${index}`,
    existingId
  })
}

const changedMeanwhile = () => new LockOutdated('The owner of a reference changed meanwhile.')
