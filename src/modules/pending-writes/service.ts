import { isDeepStrictEqual } from 'node:util'
import type { Reader, Tx } from '../../db/client.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { EventService } from '../events/service.ts'
import type { OrganizationService } from '../organizations/service.ts'
import type { ExternalRef, ReferenceKind } from '../references/reference.ts'
import type { ReferenceService } from '../references/service.ts'
import { type ByRefAnswer, type ByRefWrites, nameOf, type Standing } from './by-ref-writes.ts'
import { changedMeanwhile, createLinks } from './link-service.ts'
import { isCovered, isOlder, isSameName, joined, type PendingWrite, type Write } from './pending-write.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

export type PendingWriteServiceDeps = Readonly<{
  newId: () => string
  events: EventService
  organizations: OrganizationService
  references: ReferenceService
  writesOf: (kind: ReferenceKind) => ByRefWrites
}>

const WAITING_MAX = 10_000
/** All of them are applied in the transaction of the write that they wait for. */
const WAITING_FOR_ONE_MAX = 500

type Deletion = Readonly<{ kind: ReferenceKind; ref: ExternalRef; sourceVersion: bigint | null }>
type Held = Pick<PendingWrite, 'operation' | 'body' | 'awaited'>

/**
 * Writes by reference, in whatever order they come. One that names what does not exist yet waits for it, and is applied in the
 * transaction that creates it. Names are locked in one order: the parent's, then the write's own.
 */
export function createPendingWriteService({ newId, events, organizations, references, writesOf }: PendingWriteServiceDeps) {
  /**
   * Locks the name of a write: of two under it the second finds what the first did. With it the other names of its object, where they may
   * go with it to another one.
   */
  async function standingOf(tx: Tx, write: Pick<Write, 'kind' | 'ref'>): Promise<Standing> {
    // Asked together, and answered in this order.
    const [, own, waiting] = await Promise.all([
      writesOf(write.kind).outlivesDeletion ? undefined : references.lockSiblings(tx, nameOf(write)),
      references.lock(tx, nameOf(write)),
      repository.findByName(tx, nameOf(write))
    ])
    return { own, waiting }
  }

  /** What is answered to a write that a newer one, or a deletion, came before; undefined where none did. */
  async function lateAnswer(tx: Tx, write: Write, { own, waiting }: Standing): Promise<ByRefAnswer | undefined> {
    const { outlivesDeletion, unchanged } = writesOf(write.kind)
    if (waiting?.operation === 'put' && isOlder(write, waiting.sourceVersion)) return pendingAnswer(waiting)
    if (outlivesDeletion) return undefined
    if (waiting?.operation === 'delete' && isCovered(write, waiting.sourceVersion)) return pendingAnswer(waiting)
    return own !== undefined && isCovered(write, own.deletedVersion) ? unchanged(tx, write.ref) : undefined
  }

  /** With everything in place. What waited under the name is part of the write by now, or is outdated by it. */
  async function apply(tx: Tx, write: Write, { own, waiting }: Standing): Promise<ByRefAnswer> {
    const name = nameOf(write)
    const isDeleted = own !== undefined && own.deletedVersion !== null
    const revives = isDeleted && write.sourceVersion !== null && !isCovered(write, own.deletedVersion)
    const answer = await writesOf(write.kind).put(tx, revives ? { ...write, revives } : write)
    if (revives) references.setDeletedVersion(tx, name, null)
    if (waiting !== undefined) await repository.remove(tx, waiting.id)
    const isGone = own === undefined && waiting?.operation === 'delete' && isCovered(write, waiting.sourceVersion)
    return isGone ? deleteNow(tx, { ...write, sourceVersion: waiting.sourceVersion }) : answer
  }

  async function deleteNow(tx: Tx, { kind, ref, sourceVersion }: Deletion): Promise<ByRefAnswer> {
    const answer = await writesOf(kind).remove(tx, ref)
    if (sourceVersion !== null) references.setDeletedVersion(tx, nameOf({ kind, ref }), sourceVersion)
    return answer
  }

  /** Of a name that is locked. */
  async function hold(tx: Tx, write: Deletion, { waiting, ...held }: Held & { waiting: PendingWrite | undefined }) {
    const { now } = await organizations.books(tx)
    if (waiting !== undefined && isSame(waiting, { ...held, sourceVersion: write.sourceVersion })) return waiting
    const isNew = waiting === undefined
    if (isNew || !isSameName(waiting.awaited, held.awaited)) {
      refuseAbove(await repository.countLocked(tx, held.awaited), { isNew })
    }
    const pending: PendingWrite = {
      id: waiting?.id ?? newId(),
      kind: write.kind,
      ref: write.ref,
      sourceVersion: write.sourceVersion,
      ...held,
      state: 'waiting',
      problem: null,
      version: (waiting?.version ?? 0) + 1,
      createdAt: waiting?.createdAt ?? now,
      updatedAt: now
    }
    repository.save(tx, pending)
    return pending
  }

  async function joinedWith(tx: Tx, waiting: PendingWrite | undefined, write: Write): Promise<Write> {
    if (waiting === undefined) return write
    return joined(waiting, write, await writesOf(write.kind).restating(tx, write.ref))
  }

  /** A write that must wait, or for which something waits: under locks, so that it and what it waits for do not miss each other. */
  async function putLocked(tx: Tx, write: Write, seen: PendingWrite | undefined): Promise<ByRefAnswer> {
    const { parentOf, withParent, check } = writesOf(write.kind)
    // A write that is outdated says nothing more of what waits.
    const isLate = seen?.operation === 'put' && isOlder(write, seen.sourceVersion)
    const parent = parentOf(isLate && seen.body !== null ? seen.body : (await joinedWith(tx, seen, write)).body)
    const found = parent === null ? undefined : await references.lockAwaited(tx, parent)
    const standing = await standingOf(tx, write)
    const late = await lateAnswer(tx, write, standing)
    if (late !== undefined) return late
    const whole = await joinedWith(tx, standing.waiting, write)
    if (!isSameName(parentOf(whole.body), parent)) throw changedMeanwhile()
    if (parent === null) return apply(tx, whole, standing)
    if (found !== undefined) return apply(tx, { ...whole, body: withParent(whole.body, found.objectId) }, standing)
    await check(tx, whole, standing.own?.objectId ?? null)
    return pendingAnswer(
      await hold(tx, whole, { operation: 'put', body: whole.body, awaited: parent, waiting: standing.waiting })
    )
  }

  /** What waited turned out to be wrong: it stays, with the reason, until its source corrects it or somebody deletes it. */
  async function refuse(tx: Tx, write: PendingWrite, error: DomainError): Promise<void> {
    const { now } = await organizations.books(tx)
    const problem = { code: error.code, detail: error.message, pointer: error.pointer ?? null }
    const refused: PendingWrite = { ...write, state: 'refused', problem, version: write.version + 1, updatedAt: now }
    repository.save(tx, refused)
    const subject = { kind: 'pending_write', id: refused.id, version: refused.version }
    const draft = { type: 'pending_write.refused' as const, subject, clientId: null, object: toApi(refused) }
    await events.append(tx, { occurredAt: now, drafts: [draft] })
  }

  async function applyWaiting(tx: Tx, seen: PendingWrite, parentId: string): Promise<void> {
    const standing = await standingOf(tx, seen)
    const write = standing.waiting
    if (write?.state !== 'waiting' || write.body === null || !isSameName(write.awaited, seen.awaited)) return
    const { kind, ref, body, sourceVersion } = write
    const whole = { kind, ref, sourceVersion, body: writesOf(kind).withParent(body, parentId) }
    await unlessRefused(tx, write, (part) => apply(part, whole, standing))
  }

  async function unlessRefused(tx: Tx, write: PendingWrite, run: (part: Tx) => Promise<unknown>): Promise<void> {
    try {
      await tx.attempt(run)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      await refuse(tx, write, error)
    }
  }

  const links = createLinks({ references, writesOf, standingOf, apply, hold, unlessRefused })

  async function get(reader: Reader, id: string): Promise<PendingWrite> {
    return (await repository.find(reader, id)) ?? missing()
  }

  return {
    get,
    page: (reader: Reader, filter: repository.PendingWriteFilter): Promise<PendingWrite[]> => repository.page(reader, filter),

    /** Carries out a PUT by reference, or keeps it until what it names exists. */
    async put(tx: Tx, write: Write): Promise<ByRefAnswer> {
      const { parentOf, withParent, lockNames, apart } = writesOf(write.kind)
      const parent = parentOf(write.body)
      const [waiting, found] = await Promise.all([
        repository.findByName(tx, nameOf(write)),
        parent === null ? undefined : references.find(tx, parent)
      ])
      const isOpen = waiting !== undefined || (parent !== null && found === undefined)
      const awaited = isOpen && apart !== undefined ? [parent, waiting?.awaited ?? null] : []
      await lockNames?.(
        tx,
        write,
        awaited.filter((one) => one !== null)
      )
      if (isOpen) return apart === undefined ? putLocked(tx, write, waiting) : links.put(tx, write, { apart, seen: waiting })
      const standing = await standingOf(tx, write)
      // What waits apart waits for a name that is locked before this one.
      if (standing.waiting !== undefined && apart !== undefined) throw changedMeanwhile()
      if (standing.waiting !== undefined) return putLocked(tx, write, standing.waiting)
      const late = await lateAnswer(tx, write, standing)
      if (late !== undefined) return late
      const body = found === undefined ? write.body : withParent(write.body, found.objectId)
      return apply(tx, { ...write, body }, standing)
    },

    /**
     * Carries out a DELETE by reference. With a version it is kept where there is nothing to delete yet, and holds against writes
     * that are not newer. @throws DomainError `not_found` without one.
     */
    async remove(tx: Tx, write: Deletion): Promise<ByRefAnswer> {
      const { kind, ref, sourceVersion } = write
      const name = nameOf(write)
      const { own, waiting: held } = await standingOf(tx, write)
      // Where it is there and waits for its parent, that it does outlives the deletion as it does.
      const waiting = own !== undefined && writesOf(kind).apart !== undefined ? undefined : held
      if (waiting !== undefined && isOlder(write, waiting.sourceVersion)) return pendingAnswer(waiting)
      if (own !== undefined) {
        if (isOlder(write, own.sourceVersion) || isOlder(write, own.deletedVersion)) return writesOf(kind).unchanged(tx, ref)
        if (waiting !== undefined) await repository.remove(tx, waiting.id)
        return deleteNow(tx, write)
      }
      if (sourceVersion !== null)
        return pendingAnswer(await hold(tx, write, { operation: 'delete', body: null, awaited: name, waiting }))
      if (waiting === undefined) throw new DomainError('not_found', `There is no ${kind} with this reference.`)
      await repository.remove(tx, waiting.id)
      return { status: 204, body: null }
    },

    /** These names have an object now: what waits for it is applied. One that is refused does not keep the others from it. */
    async arrived(tx: Tx, { kind, objectId, refs }: { kind: ReferenceKind; objectId: string; refs: readonly ExternalRef[] }) {
      for (const ref of refs) {
        const waiting = await repository.awaitingName(tx, nameOf({ kind, ref }))
        for (const [of, writes] of Map.groupBy(waiting, (write) => write.kind)) {
          const { apart } = writesOf(of)
          if (apart === undefined) for (const write of writes) await applyWaiting(tx, write, objectId)
          else await links.join(tx, writes, { apart, parentId: objectId })
        }
      }
    },

    /** Gives a pending write up. */
    async discard(tx: Tx, id: string): Promise<void> {
      if (!(await repository.remove(tx, id))) missing()
    }
  }
}

export type PendingWriteService = ReturnType<typeof createPendingWriteService>

function pendingAnswer(pending: PendingWrite): ByRefAnswer {
  return { status: 202, body: { ...toApi(pending), applied: false } }
}

/** @param how.isNew whether there is one more in all, or one that waits for another name from now on. */
function refuseAbove({ all, ofName }: Readonly<{ all: number; ofName: number }>, { isNew }: { isNew: boolean }): void {
  if (isNew && all >= WAITING_MAX) {
    const sentence = `At most ${WAITING_MAX} writes can be pending. Send what they wait for, or delete pending writes.`
    throw new DomainError('limit_reached', sentence)
  }
  if (ofName >= WAITING_FOR_ONE_MAX) {
    throw new DomainError(
      'limit_reached',
      `${WAITING_FOR_ONE_MAX} writes wait for this reference already. Send its object first.`
    )
  }
}

function missing(): never {
  throw new DomainError('not_found', 'There is no such pending write.')
}

/** Whether the source said the same before, and it waits for the same still. */
function isSame(waiting: PendingWrite, said: Pick<PendingWrite, 'operation' | 'body' | 'awaited' | 'sourceVersion'>): boolean {
  const { operation, body, awaited, sourceVersion } = waiting
  const before = { operation, body, sourceVersion, awaited: { ...awaited } }
  return waiting.state === 'waiting' && isDeepStrictEqual(before, { ...said, awaited: { ...said.awaited } })
}
