import type { ExternalRef } from '../references/reference.ts'
import type { Name, WriteBody } from './pending-write.ts'

/** The client that a body names by reference, where it names none by id. */
export function parentClientOf({ client_id: id, client_ref: ref }: WriteBody): Name | null {
  return ref === undefined || id !== undefined ? null : { kind: 'client', ...(ref as ExternalRef) }
}

export function withClientId({ client_ref: _, ...body }: WriteBody, id: string): WriteBody {
  return { ...body, client_id: id }
}

/** A body, with what its source states since: what is not stated stays, and another client takes the place of the one before. */
export function restatedOwned(before: WriteBody, said: WriteBody): WriteBody {
  const { client_id: _, client_ref: __, ...rest } = before
  return { ...(said['client_id'] === undefined && said['client_ref'] === undefined ? before : rest), ...said }
}
