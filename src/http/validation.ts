import AjvCompiler, { type BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyRequest } from 'fastify'
import { firstInputDay, isDay, isInputDay, isTimeZone, lastInputDay } from '../kernel/day.ts'
import { isCurrency } from '../kernel/money.ts'

/** Days and instants as the kernel writes them: ajv-formats lets the year 0 and leap seconds pass, which nothing here can keep. */
export const formats = {
  date: isDay,
  'date-time': isInstant,
  currency: isCurrency,
  'time-zone': isTimeZone,
  locale: isLocale,
  'web-url': isWebUrl
}

/** What callers may send: as above, and days only of a range that leaves room for what is calculated from them. */
const inputFormats = { ...formats, date: isInputDay, 'date-time': isInputInstant }

const pool = AjvCompiler()
/** By the names of the schemas that they know: Fastify asks in each scope anew, which all know the same. */
const compilers = new Map<string, (route: { httpPart?: string }) => Validate>()

type Validate = { (value: unknown): boolean; errors?: unknown }

/** Compiled when the first value comes: all together take longer than the rest of a start. */
function whenNeeded(compile: () => Validate): Validate {
  let compiled: Validate | undefined
  const validate: Validate = (value) => {
    compiled ??= compile()
    const isValid = compiled(value)
    validate.errors = compiled.errors
    return isValid
  }
  return validate
}

/** Bodies are taken literally: "12" is not 12 and an unknown field is an error. Text in the URL is coerced. */
function compilerFor(externalSchemas: Parameters<BuildCompilerFromPool>[0]) {
  // `allErrors: false` as Fastify advises: collecting all of them lets a caller buy work with garbage.
  const common = { useDefaults: true, removeAdditional: false, allErrors: false, discriminator: true } as const
  // After ajv-formats, which would replace formats of the same name that came as options.
  const onCreate = (ajv: { addFormat: (name: string, check: (text: string) => boolean) => unknown }) => {
    for (const [name, check] of Object.entries(inputFormats)) ajv.addFormat(name, check)
  }
  const literal = pool(externalSchemas, { onCreate, customOptions: { ...common, coerceTypes: false } })
  // The text "Infinity" coerces to a number, which strict numbers take for none and so hold against no bound.
  const coercing = pool(externalSchemas, { onCreate, customOptions: { ...common, coerceTypes: 'array', strictNumbers: false } })
  return (route: { httpPart?: string }) =>
    whenNeeded(() => (route.httpPart === 'body' ? literal : coercing)(route as never) as unknown as Validate)
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

export type FieldError = Readonly<{ in: 'body' | 'query' | 'path' | 'header'; pointer: string; detail: string }>

type AjvError = {
  instancePath: string
  keyword: string
  params: Record<string, unknown>
  message?: string
  propertyName?: string
}

const PLACES: Readonly<Record<string, FieldError['in']>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header'
}

/** Turns the validator's finding into one that names the field and the rule in plain words. */
export function fieldErrors(validation: readonly AjvError[], context: string | undefined): FieldError[] {
  const place = PLACES[context ?? 'body'] ?? 'body'
  // A branch that failed inside `anyOf` says more than the `anyOf` itself, which Ajv reports last.
  const [first] = validation
  if (first === undefined) return []
  const { pointer, detail } = explain(first)
  return [{ in: place, pointer, detail }]
}

function explain({ instancePath, keyword, params, message, propertyName }: AjvError): { pointer: string; detail: string } {
  const at = (name: unknown) => `${instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
  switch (keyword) {
    case 'additionalProperties':
      return { pointer: at(params['additionalProperty']), detail: 'There is no such field.' }
    case 'required':
      return { pointer: at(params['missingProperty']), detail: 'This field is required.' }
    case 'enum':
      return { pointer: instancePath, detail: `Must be one of: ${(params['allowedValues'] as unknown[]).join(', ')}.` }
    case 'discriminator':
      return { pointer: at(params['tag']), detail: 'Says which of several shapes this is, and names none of them.' }
    case 'format':
      return {
        pointer: instancePath,
        detail: FORMAT_RULES[String(params['format'])] ?? `Must be a valid ${String(params['format'])}.`
      }
    case 'pattern':
      return {
        pointer: propertyName === undefined ? instancePath : at(propertyName),
        detail: PATTERN_RULES[String(params['pattern'])] ?? `Must match ${String(params['pattern'])}.`
      }
    default:
      return { pointer: instancePath, detail: `${(message ?? 'is not valid').replace(/^./, (c) => c.toUpperCase())}.` }
  }
}

/** Of the patterns that say less to people than a sentence. */
const PATTERN_RULES: Readonly<Record<string, string>> = {
  '\\S': 'Must not be blank.',
  "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$": "The name of a header is 1 to 64 letters, digits or any of !#$%&'*+-.^_`|~."
}

const FORMAT_RULES: Readonly<Record<string, string>> = {
  date: `Must be a real calendar day from ${firstInputDay} to ${lastInputDay}, YYYY-MM-DD.`,
  'date-time': `Must be an instant with its offset, as in 2026-03-01T09:00:00Z (RFC 3339), from ${firstInputDay} to ${lastInputDay} in UTC.`,
  currency: 'Must be an ISO 4217 currency code, as in EUR.',
  'time-zone': 'Must be an IANA time zone, as in Europe/Berlin.',
  locale: 'Must be a BCP 47 language tag, as in en or fa-IR.',
  'web-url': 'Must be an http or https address.',
  uuid: 'Must be a UUID.'
}

/** For hooks that run before Fastify's own validation and need the same words. */
export function headerText(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
