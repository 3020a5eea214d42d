import SerializerSelector, { type Options, type RouteDefinition, type Serializer } from '@fastify/fast-json-stringify-compiler'

type Schemas = Readonly<Record<string, unknown>>

const compilerFor = SerializerSelector()
const compiled = new Map<string, Serializer>()

/**
 * Compiles each answer's shape once, when the first such answer is given, with the schemas that it refers to and no others. Fastify
 * would do it at the start, for every route and status, each time with all of the schemas there are.
 */
export function buildSerializer(schemas: unknown, options: Options | undefined) {
  function compile(route: RouteDefinition): Serializer {
    const needed = referredTo(route.schema, schemas as Schemas)
    const key = JSON.stringify([route.schema, needed])
    const known = compiled.get(key)
    if (known !== undefined) return known
    const serialize = compilerFor(needed, { ...options })(route)
    compiled.set(key, serialize)
    return serialize
  }
  return (route: RouteDefinition): Serializer => {
    let serialize: Serializer | undefined
    return (answer) => {
      serialize ??= compile(route)
      return serialize(answer)
    }
  }
}

/** What a schema names by `$ref`, and what that names in turn. */
function referredTo(schema: unknown, all: Schemas, found: Record<string, unknown> = {}): Schemas {
  if (typeof schema !== 'object' || schema === null) return found
  for (const [key, value] of Object.entries(schema)) {
    if (key !== '$ref' || typeof value !== 'string') referredTo(value, all, found)
    else if (!(value in found) && value in all) {
      found[value] = all[value]
      referredTo(all[value], all, found)
    }
  }
  return found
}
