import type { ErrorCode } from '../../kernel/errors.ts'
import type { ExternalRef, ReferenceKind } from '../references/reference.ts'

export type Operation = 'put' | 'delete'
export type WriteState = 'waiting' | 'refused'
export type WriteBody = Readonly<Record<string, unknown>>
export type RefusedFor = Readonly<{ code: ErrorCode; detail: string; pointer: string | null }>
export type Name = Readonly<{ kind: ReferenceKind; source: string; id: string }>

export type PendingWrite = Readonly<{
  id: string
  kind: ReferenceKind
  ref: ExternalRef
  operation: Operation
  sourceVersion: bigint | null
  /** As it was received, without its version; null for a deletion. */
  body: WriteBody | null
  state: WriteState
  awaited: Name
  problem: RefusedFor | null
  version: number
  createdAt: Date
  updatedAt: Date
}>

/** A PUT by reference. */
export type Write = Readonly<{
  kind: ReferenceKind
  ref: ExternalRef
  body: WriteBody
  sourceVersion: bigint | null
  /** The source deleted the object with an older version: this write brings it back. */
  revives?: boolean
  expectedVersion?: number | undefined
}>

type Versioned = Readonly<{ sourceVersion: bigint | null }>

/** Whether a source had sent a newer version before. What has no version is as new as the moment it comes. */
export function isOlder({ sourceVersion }: Versioned, than: bigint | null): boolean {
  return sourceVersion !== null && than !== null && sourceVersion < than
}

/** Whether a deletion of this version holds against the write. Of the same version, the deletion is the later word. */
export function isCovered({ sourceVersion }: Versioned, deletedVersion: bigint | null): boolean {
  return sourceVersion !== null && deletedVersion !== null && sourceVersion <= deletedVersion
}

/** A body that waits, with what its source states since. Each kind has its own rule, which is that of an object that is there. */
export type Restate = (before: WriteBody, said: WriteBody) => WriteBody

/**
 * What waits, with what the source said since: what a later write does not state stays. What was refused is replaced whole.
 * @throws DomainError for what would be refused of an object that is there.
 */
export function joined(waiting: PendingWrite | undefined, write: Write, restate: Restate): Write {
  if (waiting?.body === undefined || waiting.body === null || waiting.state === 'refused') return write
  return { ...write, body: restate(waiting.body, write.body), sourceVersion: write.sourceVersion ?? waiting.sourceVersion }
}

export function isSameName(one: Name | null, other: Name | null): boolean {
  return one?.kind === other?.kind && one?.source === other?.source && one?.id === other?.id
}
