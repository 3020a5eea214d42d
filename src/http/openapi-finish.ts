import { kindOf } from './path-references.ts'
import { REFUSALS } from './schemas.ts'

type Header = Readonly<{ description: string; schema: object }>
type Response = { description?: string; headers?: object; content?: Readonly<Record<string, { schema?: { $ref?: string } }>> }
type Parameter = { name: string; in: string; description?: string; required?: boolean; schema?: { default?: unknown } }
type Operation = {
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, Response | { $ref: string }>
}
type Content = Readonly<Record<string, Readonly<{ schema: Readonly<{ $ref?: string; required?: readonly string[] }> }>>>
type Component = Readonly<{
  properties?: Readonly<Record<string, { enum?: readonly string[] }>>
  required?: readonly string[]
  discriminator?: Readonly<{ propertyName: string }>
  oneOf?: readonly Readonly<{ $ref: string }>[]
}>
type Document = {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Component>; responses?: object; headers?: object }
}

const headers: Readonly<Record<string, Header>> = {
  ETag: { description: 'The version of the object; send it as If-Match to change this version only', schema: { type: 'string' } },
  'Idempotency-Replayed': { description: '`true` on the stored answer to an Idempotency-Key', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds until another try has a chance', schema: { type: 'integer' } },
  'WWW-Authenticate': { description: '`Bearer`', schema: { type: 'string' } }
}
const headerOf: Readonly<Record<string, string>> = {
  401: 'WWW-Authenticate',
  409: 'Retry-After',
  429: 'Retry-After',
  503: 'Retry-After'
}
/** What the document calls each refusal. */
const NAMES: Readonly<Record<string, string>> = {
  400: 'Malformed',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'PositionLost',
  412: 'Stale',
  413: 'TooLarge',
  415: 'NotJson',
  422: 'Refused',
  429: 'RateLimited',
  503: 'Unavailable'
} satisfies Record<keyof typeof REFUSALS, string>
const DONE: Readonly<Record<string, string>> = { 200: 'Done', 201: 'Made', 202: 'Taken on; it runs in the background' }

const named = (...names: string[]) => Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

/**
 * What the routes' schemas cannot say, or would say hundreds of times: each refusal once, as a component that operations name;
 * the headers of answers; that what has a default can be left out, though a handler always finds it; and so can a body in which
 * nothing is required.
 */
export function finish<T>(openapiObject: T): T {
  const document = openapiObject as Document
  const schemas = document.components?.schemas ?? {}
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(methods)) {
      const { parameters = [], requestBody, responses } = operation
      for (const parameter of parameters) {
        if (parameter.schema?.default !== undefined) parameter.required = false
        const kind = kindOf(path, parameter.in, parameter.name)
        if (kind !== undefined) Object.assign(parameter, idOrReference(kind))
      }
      if (requestBody !== undefined) requestBody.required = isNeeded(requestBody.content, schemas)
      for (const [status, response] of Object.entries(responses)) {
        responses[status] =
          status in REFUSALS
            ? { $ref: `#/components/responses/${NAMES[status]}` }
            : described(response as Response, { status, method, schemas })
      }
    }
  }
  const mapped = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withMapping(schema, schemas)]))
  document.components = { ...document.components, schemas: mapped, headers, responses: refusalResponses() }
  return openapiObject
}

function idOrReference(kind: string): Pick<Parameter, 'description' | 'schema'> {
  const description = `The id of the ${kind}, or \`ref:{source}:{id}\` with what another system calls it, percent-encoded as a whole. A colon in the source is encoded twice (\`%253A\`).`
  return { description, schema: { type: 'string', format: 'id-or-reference' } as object }
}

/** Which shape each word of the discriminator stands for. The validator finds that out by itself and refuses to be told. */
function withMapping(schema: Component, schemas: Readonly<Record<string, Component>>): Component {
  const { discriminator, oneOf = [] } = schema
  if (discriminator === undefined) return schema
  const { propertyName } = discriminator
  const words = oneOf.map(({ $ref }) => [componentAt($ref, schemas)?.properties?.[propertyName]?.enum?.[0] ?? '', $ref] as const)
  return { ...schema, discriminator: { propertyName, mapping: Object.fromEntries(words) } } as Component
}

function componentAt($ref: string, schemas: Readonly<Record<string, Component>>): Component | undefined {
  return schemas[$ref.replace('#/components/schemas/', '')]
}

function isNeeded(content: Content, schemas: Readonly<Record<string, Component>>): boolean {
  const schema = content['application/json']?.schema
  const component = schema?.$ref === undefined ? schema : componentAt(schema.$ref, schemas)
  return (component?.required ?? []).length > 0 || (component !== undefined && 'minProperties' in component)
}

type About = Readonly<{ status: string; method: string; schemas: Readonly<Record<string, Component>> }>

function described(response: Response, { status, method, schemas }: About): Response {
  const $ref = response.content?.['application/json']?.schema?.$ref
  const hasVersion = $ref !== undefined && 'version' in (componentAt($ref, schemas)?.properties ?? {})
  const sent = [...(hasVersion ? ['ETag'] : []), ...(method === 'post' ? ['Idempotency-Replayed'] : [])]
  return {
    ...response,
    description: response.description === 'Default Response' ? (DONE[status] ?? 'Done') : (response.description ?? 'Done'),
    ...(sent.length > 0 && { headers: named(...sent) })
  }
}

function refusalResponses(): object {
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries(
    Object.entries(REFUSALS).map(([status, description]) => {
      const header = headerOf[status]
      return [NAMES[status], { description, ...(header !== undefined && { headers: named(header) }), content }]
    })
  )
}
