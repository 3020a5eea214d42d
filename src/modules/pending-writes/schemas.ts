import { type Static, Type } from 'typebox'
import { pointerIn } from '../../http/fields.ts'
import {
  closed,
  ExternalRef,
  Id,
  InstantText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  SourceVersion,
  updatedSince
} from '../../http/schemas.ts'
import type { PendingWrite } from './pending-write.ts'

const kinds = ['client', 'invoice', 'payment'] as const
const states = ['waiting', 'refused'] as const

const fields = {
  id: Id,
  kind: oneOf(kinds, { description: 'Kind of the object that the write creates or changes' }),
  ref: Type.Unsafe<Static<typeof ExternalRef>>({
    ...ref(ExternalRef),
    description: 'Reference under which the write was sent'
  }),
  operation: oneOf(['put', 'delete']),
  source_version: nullable(SourceVersion),
  body: Type.Unsafe<Record<string, unknown> | null>({
    type: ['object', 'null'],
    additionalProperties: true,
    description:
      'Body as received, with what later writes under the same reference state; of a client only its `parent_ref`, which waits; null for a deletion'
  }),
  state: oneOf(states, {
    description:
      '`waiting` until the object in `waiting_for` exists. `refused` if the write was then refused: send a corrected PUT under the same reference, or delete the pending write'
  }),
  waiting_for: nullable(
    closed(
      { kind: oneOf(kinds), source: Type.String(), id: Type.String() },
      {
        description:
          'Reference of the object that the write waits for; a deletion waits for its own object. Null when the write was refused'
      }
    )
  ),
  problem: nullable(
    closed(
      { code: Type.String(), detail: Type.String(), pointer: nullable(Type.String()) },
      { description: 'Why the write was refused, as in a problem response; null while it waits' }
    )
  ),
  version: Type.Integer(),
  created_at: InstantText,
  updated_at: InstantText
}

export const PendingWriteSchema = named(
  'PendingWrite',
  closed(fields, {
    description:
      'A write by reference that names an object that does not exist yet; of a client, which is written at once, that it comes under its parent'
  })
)
export const PendingWriteByRefSchema = named(
  'PendingWriteByRef',
  closed({
    ...fields,
    applied: Type.Boolean({ description: 'Always false: nothing but the pending write was changed' })
  })
)
export type PendingWriteDocument = Static<typeof PendingWriteSchema>

export const PendingWriteQuery = closed({
  ...pageQuery,
  ...updatedSince,
  ...optional({
    kind: oneOf(kinds),
    source: Type.String({ minLength: 1, maxLength: 64, description: 'Source of the write' }),
    state: oneOf(states),
    waiting_for_kind: oneOf(kinds),
    waiting_for_source: Type.String({ minLength: 1, maxLength: 64 }),
    waiting_for_id: Type.String({ minLength: 1, maxLength: 255 })
  })
})

export const pendingWriteSchemas = [PendingWriteSchema, PendingWriteByRefSchema]

/** A pending write exactly as GET returns it and as its event carries it. */
export function toApi(write: PendingWrite): PendingWriteDocument {
  const { problem } = write
  return {
    id: write.id,
    kind: write.kind,
    ref: { ...write.ref },
    operation: write.operation,
    source_version: write.sourceVersion === null ? null : Number(write.sourceVersion),
    body: write.body === null ? null : { ...write.body },
    state: write.state,
    waiting_for: write.state === 'waiting' ? { ...write.awaited } : null,
    problem: problem && { ...problem, pointer: problem.pointer && pointerIn(write.body ?? {}, problem.pointer) },
    version: write.version,
    created_at: write.createdAt.toISOString(),
    updated_at: write.updatedAt.toISOString()
  }
}
