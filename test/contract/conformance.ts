import Schema from 'typebox/schema'
import type { Document, Operation } from './document.ts'

/** Where an answer's body is not what the document says of this status; empty where it is. */
export function faultsIn({ status, body }: { status: number; body: unknown }, { operation, document }: About): string[] {
  const { content } = operation.responses[status] ?? {}
  if (content === undefined) return body === null ? [] : [`${operation.operationId} ${status} has a body and should have none`]
  const [media] = Object.values(content)
  const whole = { ...media?.schema, components: document.components }
  const [isRight, errors] = Schema.Compile(whole).Errors(body)
  return isRight ? [] : errors.map(({ instancePath, message }) => `${operation.operationId} ${status} ${instancePath} ${message}`)
}

type About = Readonly<{ operation: Operation; document: Document }>
