import type { Reader, Tx } from '../../db/client.ts'
import type { ExternalRef, ReferenceKind } from '../references/reference.ts'
import type { ReferenceService } from '../references/service.ts'
import type { Name, PendingWrite, Restate, Write } from './pending-write.ts'

export type ByRefAnswer = Readonly<{ status: number; body: object | null }>

/** What writes of one kind do. Each module that has references gives its own. */
export type ByRefWrites = Readonly<{
  /** The object that a body names and that must exist before it is written. */
  parentOf: (body: Write['body']) => Name | null
  /** Names the parent by our id. */
  withParent: (body: Write['body'], parentId: string) => Write['body']
  /** How a body that waits takes what its source states since. */
  restating: (reader: Reader, ref: ExternalRef) => Promise<Restate>
  /** @param objectId of the object where it is there. @throws DomainError for what no parent can make right. */
  check: (tx: Tx, write: Write, objectId: string | null) => Promise<unknown>
  /** Locks names that the write gives its object beside the one that it comes under, together with others of its kind. */
  lockNames?: (tx: Tx, write: Write, others: readonly ExternalRef[]) => Promise<void>
  /** Of a kind whose objects stand without their parent: they are written at once, and only that they come under it waits. */
  apart?: Readonly<{
    /** What a body states of its parent, and the rest. */
    split: (body: Write['body']) => Readonly<{ parent: Write['body']; rest: Write['body'] }>
    lock: (tx: Tx, objectIds: readonly string[]) => Promise<unknown>
    /** Of an object that is locked. */
    join: (tx: Tx, link: Readonly<{ objectId: string; parentId: string }>) => Promise<unknown>
  }>
  put: (tx: Tx, write: Write) => Promise<ByRefAnswer>
  remove: (tx: Tx, ref: ExternalRef) => Promise<ByRefAnswer>
  /** The object as it is, with `applied: false`. */
  unchanged: (reader: Reader, ref: ExternalRef) => Promise<ByRefAnswer>
  /** Whether a deleted object keeps its place and takes what the source says of it: its older versions are written all the same. No other one takes its place. */
  outlivesDeletion: boolean
}>

export type Apart = NonNullable<ByRefWrites['apart']>

/** A name that is locked: its object where it is there, and what waits under it. */
export type Standing = Readonly<{ own: Awaited<ReturnType<ReferenceService['lock']>>; waiting: PendingWrite | undefined }>

export const nameOf = ({ kind, ref }: Readonly<{ kind: ReferenceKind; ref: ExternalRef }>): Name => ({
  kind,
  source: ref.source,
  id: ref.id
})
