import AjvCompiler, { type BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyRequest } from 'fastify'
import { firstInputDay, isDay, isInputDay, isTimeZone, lastInputDay } from '../kernel/day.ts'
import { isActiveCurrency, isCurrency } from '../kernel/money.ts'

/** Days and instants as the kernel writes them: ajv-formats lets the year 0 and leap seconds pass, which nothing here can keep. */
export const formats = {
  date: isDay,
  'date-time': isInstant,
  currency: isCurrency,
  'active-currency': isActiveCurrency,
  'time-zone': isTimeZone,
  locale: isLocale,
  'web-url': isWebUrl
}

/** What callers may send: as above, and days only of a range that leaves room for what is calculated from them. */
const inputFormats = { ...formats, date: isInputDay, 'date-time': isInputInstant }

const pool = AjvCompiler()
/** By the names of the schemas that they know: Fastify asks in each scope anew, which all know the same. */
const compilers = new Map<string, (route: Route) => Validate>()

type Route = Readonly<{ httpPart?: string; schema?: { properties?: Properties } }>
type Validate = { (value: unknown): boolean; errors?: unknown }

/**
 * Compiled when the first value comes: all together take longer than the rest of a start. The first pass stops at the first error,
 * so that a valid value costs nothing more and garbage buys no work. Only what was refused and is small is looked at a second time,
 * for all of its errors.
 */
function whenNeeded(compile: () => Validate, compileThorough: () => Validate): Validate {
  let compiled: Validate | undefined
  let thorough: Validate | undefined
  const validate: Validate = (value) => {
    compiled ??= compile()
    if (compiled(value)) return true
    validate.errors = compiled.errors
    if (!isSmall(value)) return false
    thorough ??= compileThorough()
    if (!thorough(value)) validate.errors = thorough.errors
    return false
  }
  return validate
}

const NODES_MAX = 2_000

/** Whether a value has few enough places that all of its errors can be told. Not recursive: nothing has bounded how deep it goes. */
function isSmall(value: unknown): boolean {
  const waiting = [value]
  for (let seen = 0; waiting.length > 0; seen++) {
    if (seen + waiting.length > NODES_MAX) return false
    const next = waiting.pop()
    if (typeof next !== 'object' || next === null) continue
    const inner = Object.values(next)
    if (inner.length > NODES_MAX) return false
    waiting.push(...inner)
  }
  return true
}

/** Nothing is coerced: "12" in a body is not 12. Text in the URL is read by its schema first, see `readTexts`. */
function compilerFor(externalSchemas: Parameters<BuildCompilerFromPool>[0]) {
  const common = { useDefaults: true, removeAdditional: false, discriminator: true, coerceTypes: false } as const
  // After ajv-formats, which would replace formats of the same name that came as options.
  const onCreate = (ajv: { addFormat: (name: string, check: (text: string) => boolean) => unknown }) => {
    for (const [name, check] of Object.entries(inputFormats)) ajv.addFormat(name, check)
  }
  const first = compilerWith(common)
  const thorough = once(() => compilerWith({ ...common, allErrors: true }))
  return (route: Route) => {
    const validate = whenNeeded(
      () => first(route),
      () => thorough()(route)
    )
    return route.httpPart === 'body' ? validate : afterReading(route.schema?.properties ?? {}, validate)
  }

  function compilerWith(customOptions: object): (route: object) => Validate {
    return pool(externalSchemas, { onCreate, customOptions }) as unknown as (route: object) => Validate
  }
}

type Properties = Readonly<Record<string, Readonly<{ type?: unknown }>>>

function afterReading(properties: Properties, validate: Validate): Validate {
  const reading: Validate = (value) => {
    readTexts(value as Record<string, unknown>, properties)
    const isValid = validate(value)
    reading.errors = validate.errors
    return isValid
  }
  return reading
}

/** Replaces the text of each number and boolean by its value. Any other text stays text, which the schema refuses: a blank is not 0. */
function readTexts(values: Record<string, unknown>, properties: Properties): void {
  for (const [name, { type }] of Object.entries(properties)) {
    const text = values[name]
    if (typeof text !== 'string') continue
    if (type === 'boolean' && (text === 'true' || text === 'false')) values[name] = text === 'true'
    if (type === 'integer' && /^-?\d+$/.test(text)) values[name] = Number(text)
    if (type === 'number' && /^-?\d+(\.\d+)?$/.test(text)) values[name] = Number(text)
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

export const buildValidator = ((externalSchemas: Parameters<BuildCompilerFromPool>[0]) => {
  const names = Object.keys(externalSchemas).join(' ')
  const compiler = compilers.get(names) ?? compilerFor(externalSchemas)
  compilers.set(names, compiler)
  return compiler
}) as unknown as BuildCompilerFromPool

const INSTANT = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

function isInstant(text: string): boolean {
  const [, date] = INSTANT.exec(text) ?? []
  return date !== undefined && isDay(date) && isWritableInstant(Date.parse(text))
}

const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** Whether an instant in milliseconds lies, in UTC, in the years that a time stamp can be written in everywhere: 1 to 9999. */
export function isWritableInstant(epochMs: number): boolean {
  return epochMs >= FIRST_MS && epochMs <= LAST_MS
}

const FIRST_INPUT_MS = Date.parse(`${firstInputDay}T00:00:00Z`)
const LAST_INPUT_MS = Date.parse(`${lastInputDay}T23:59:59.999Z`)

function isInputInstant(text: string): boolean {
  if (!isInstant(text)) return false
  const epochMs = Date.parse(text)
  return epochMs >= FIRST_INPUT_MS && epochMs <= LAST_INPUT_MS
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1
  } catch {
    return false
  }
}

function isWebUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:')
}

/** For hooks that run before Fastify's own validation and need the same words. */
export function headerText(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
