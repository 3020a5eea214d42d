import type { Tx } from '../../db/client.ts'
import { LockOutdated } from '../../db/errors.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { ReferenceKind } from '../references/reference.ts'
import type { ReferenceService } from '../references/service.ts'
import { type Apart, type ByRefAnswer, type ByRefWrites, nameOf, type Standing } from './by-ref-writes.ts'
import { isOlder, isSameName, type PendingWrite, type Write } from './pending-write.ts'
import * as repository from './repository.ts'
import { toApi } from './schemas.ts'

type Held = Pick<PendingWrite, 'operation' | 'body' | 'awaited'> & Readonly<{ waiting: PendingWrite | undefined }>

type Deps = Readonly<{
  references: ReferenceService
  writesOf: (kind: ReferenceKind) => ByRefWrites
  standingOf: (tx: Tx, write: Pick<Write, 'kind' | 'ref'>) => Promise<Standing>
  apply: (tx: Tx, write: Write, standing: Standing) => Promise<ByRefAnswer>
  hold: (tx: Tx, write: Pick<Write, 'kind' | 'ref' | 'sourceVersion'>, held: Held) => Promise<PendingWrite>
  unlessRefused: (tx: Tx, write: PendingWrite, run: (part: Tx) => Promise<unknown>) => Promise<void>
}>

/** Objects that stand without their parent: they are written at once, and only that they come under it waits. */
export function createLinks({ references, writesOf, standingOf, apply, hold, unlessRefused }: Deps) {
  /**
   * A write of an object that stands without its parent, where the parent is not there yet, or was not before. All names of this are locked
   * already, that of the parent that is waited for, too.
   */
  async function put(tx: Tx, write: Write, { apart, seen }: { apart: Apart; seen: PendingWrite | undefined }) {
    const { parentOf, withParent, check } = writesOf(write.kind)
    const awaited = parentOf(write.body)
    const found = awaited === null ? undefined : await references.lockAwaited(tx, awaited)
    const { own, waiting } = await standingOf(tx, write)
    if (!isSameName(waiting?.awaited ?? null, seen?.awaited ?? null)) throw changedMeanwhile()
    const link = own !== undefined && waiting?.operation === 'put' ? waiting : undefined
    const standing = { own, waiting: link === undefined ? waiting : undefined }
    const { parent, rest } = apart.split(write.body)
    const isStated = Object.keys(parent).length > 0 && !isOlder(write, own?.sourceVersion ?? null)
    const isAwaited = isStated && awaited !== null && found === undefined
    if (isAwaited) await check(tx, write, own?.objectId ?? null)
    const named = found === undefined ? write.body : withParent(write.body, found.objectId)
    const answer = await apply(tx, { ...write, body: isStated && !isAwaited ? named : rest }, standing)
    if (isAwaited) return withPending(answer, await hold(tx, write, { operation: 'put', body: parent, awaited, waiting: link }))
    if (isStated && link !== undefined) await repository.remove(tx, link.id)
    return isStated || link === undefined ? answer : withPending(answer, link)
  }

  /** Objects come under the parent that they waited for, whose name is locked: nobody else changes what waits for it. */
  async function join(tx: Tx, links: readonly PendingWrite[], { apart, parentId }: { apart: Apart; parentId: string }) {
    const found = await Promise.all(links.map((link) => references.find(tx, nameOf(link))))
    await apart.lock(
      tx,
      found.flatMap((own) => (own === undefined ? [] : [own.objectId]))
    )
    for (const [index, link] of links.entries()) {
      const own = found[index]
      await unlessRefused(tx, link, async (part) => {
        if (own === undefined) throw new DomainError('reference_not_found', `No ${link.kind} has this reference any more.`)
        if (!(await repository.remove(part, link.id))) return
        await apart.join(part, { objectId: own.objectId, parentId })
      })
    }
  }

  return { put, join }
}

/** An answer that names what of the write waits. */
function withPending({ status, body }: ByRefAnswer, pending: PendingWrite): ByRefAnswer {
  return { status, body: { ...body, pending_write: toApi(pending) } }
}

export const changedMeanwhile = () => new LockOutdated('Another write under this reference came meanwhile.')
