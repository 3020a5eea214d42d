import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { Names } from './field-errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a PATCH: what changes a field that the object shows and this operation does not take. */
    elsewhere?: Readonly<Record<string, string>>
    /** Filled when the route is registered. */
    shown?: readonly string[]
  }
}

type Written = { $ref?: string; properties?: object }

/** Which fields the object of a PATCH shows, so that one that is not changed by it is not called unknown. */
export function shownBy(app: FastifyInstance, { method, schema }: RouteOptions): readonly string[] {
  if (method !== 'PATCH') return []
  const { 200: answer } = (schema?.response ?? {}) as { 200?: Written }
  const component = answer?.$ref === undefined ? answer : (app.getSchema(answer.$ref) as Written | undefined)
  return Object.keys(component?.properties ?? {})
}

export function namesOf({ routeOptions: { schema, config } }: FastifyRequest): Names {
  const { properties = {} } = (schema?.querystring ?? {}) as Written
  return { parameters: Object.keys(properties), shown: config.shown ?? [], elsewhere: config.elsewhere ?? {} }
}
