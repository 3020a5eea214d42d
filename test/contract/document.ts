import type { FastifyInstance } from 'fastify'

/** What of JSON Schema our document uses. */
export type Schema = Readonly<{
  $ref?: string
  type?: string | readonly string[]
  enum?: readonly unknown[]
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  items?: Schema
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  properties?: Readonly<Record<string, Schema>>
  required?: readonly string[]
  minProperties?: number
  maxProperties?: number
  additionalProperties?: boolean | Schema
  patternProperties?: Readonly<Record<string, Schema>>
  anyOf?: readonly Schema[]
  oneOf?: readonly Schema[]
  examples?: readonly unknown[]
  description?: string
}>

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Parameter = Readonly<{ name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }>
type Media = Readonly<Record<string, Readonly<{ schema: Schema }>>>

type WrittenOperation = Readonly<{
  operationId: string
  tags?: readonly string[]
  summary?: string
  description?: string
  'x-required-scope'?: string
  security?: readonly Readonly<Record<string, readonly string[]>>[]
  parameters?: readonly Parameter[]
  requestBody?: Readonly<{ required?: boolean; content: Media }>
  responses: Readonly<
    Record<string, Readonly<{ description?: string; content?: Media; headers?: Readonly<Record<string, unknown>> }>>
  >
}>

export type Document = Readonly<{
  openapi: string
  info: Readonly<Record<string, unknown>>
  tags: readonly Readonly<{ name: string; description: string }>[]
  paths: Readonly<Record<string, Readonly<Record<string, WrittenOperation>>>>
  components: Readonly<{ schemas: Readonly<Record<string, Schema>> }>
}>

export type Operation = WrittenOperation &
  Readonly<{
    method: Method
    path: string
    /** What a key must hold; `operator` asks for the operator's token. */
    scope: 'read' | 'write' | 'admin' | 'operator'
    parameters: readonly Parameter[]
    body: Schema | undefined
    statuses: readonly number[]
    /** Whether it names one object, by the path or by a reference, so that it can name another organization's. */
    namesObject: boolean
  }>

export function documentOf(app: FastifyInstance): Document {
  return app.swagger() as unknown as Document
}

export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, written]) => {
      const parameters = written.parameters ?? []
      const isByRef = path.endsWith('/by-ref') && method !== 'put'
      return {
        ...written,
        method: method.toUpperCase() as Method,
        path,
        parameters,
        scope: scopeOf(written),
        body: written.requestBody?.content['application/json']?.schema,
        statuses: Object.keys(written.responses).map(Number),
        namesObject: isByRef || parameters.some((parameter) => parameter.in === 'path')
      }
    })
  )
}

function scopeOf({ operationId, security = [], 'x-required-scope': scope }: WrittenOperation): Operation['scope'] {
  const [requirement = {}] = security
  if ('operator_token' in requirement) return 'operator'
  if (scope === 'read' || scope === 'write' || scope === 'admin') return scope
  throw new Error(`${operationId} does not say which scope it needs.`)
}

/** The operation that answers at a URL. One with fixed words at a place goes before one with a parameter there. */
export function operationAt(operations: readonly Operation[], { method, url }: { method: string; url: string }) {
  const [path = ''] = url.split('?', 1)
  const fitting = operations.filter((operation) => operation.method === method && patternOf(operation.path).test(path))
  return fitting.toSorted((a, b) => a.path.split('{').length - b.path.split('{').length)[0]
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`)
}

/** Follows a reference, of which the document has only those to its own components. */
export function resolve(schema: Schema, { components }: Document): Schema {
  if (schema.$ref === undefined) return schema
  const found = components.schemas[schema.$ref.replace('#/components/schemas/', '')]
  if (found === undefined) throw new Error(`The document has no ${schema.$ref}.`)
  return found
}

export function typesOf({ type }: Schema): readonly string[] {
  return type === undefined ? [] : typeof type === 'string' ? [type] : type
}
