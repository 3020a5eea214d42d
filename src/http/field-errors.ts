import { firstInputDay, lastInputDay } from '../kernel/day.ts'
import { unavailable } from './unavailable.ts'

/** Of a body, `pointer` is the JSON pointer of the field; of anything else, `parameter` is the name. */
export type FieldError = Readonly<{
  in: 'body' | 'query' | 'path' | 'header'
  pointer?: string
  parameter?: string
  detail: string
}>

export type AjvError = Readonly<{
  instancePath: string
  keyword: string
  params: Readonly<Record<string, unknown>>
  message?: string
  propertyName?: string
}>

/** What the route knows of names that its request may hold. */
export type Names = Readonly<{
  /** Its query parameters. */
  parameters: readonly string[]
  /** Fields that the object shows and a change of it does not take. */
  shown: readonly string[]
  /** What changes such a field instead, by field. */
  elsewhere: Readonly<Record<string, string>>
}>

const ERRORS_MAX = 20
const PLACES: Readonly<Record<string, FieldError['in']>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header'
}

/** Turns the validator's findings into ones that name the field and the rule in plain words, each once. */
export function fieldErrors(validation: readonly AjvError[], context: string | undefined, names: Names): FieldError[] {
  const place = PLACES[context ?? 'body'] ?? 'body'
  const found = new Map<string, FieldError>()
  for (const error of causesIn(validation)) {
    if (found.size === ERRORS_MAX) break
    const { pointer, detail } = explain(error, { place, names })
    if (!found.has(pointer)) found.set(pointer, fieldError(place, pointer, detail))
  }
  return [...found.values()]
}

/** @param pointer into the part of the request; of what is not the body, its only step is the name of the parameter. */
export function fieldError(place: FieldError['in'], pointer: string, detail: string): FieldError {
  if (place === 'body') return { in: place, pointer, detail }
  const [, name = ''] = pointer.split('/')
  return { in: place, parameter: name.replaceAll('~1', '/').replaceAll('~0', '~'), detail }
}

/** How the field is called in a sentence. */
export function nameOf({ pointer, parameter }: FieldError): string {
  return parameter ?? (pointer === undefined || pointer === '' ? 'The whole' : pointer)
}

const SUMMARIES: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'propertyNames'])

/** A shape that failed inside `anyOf` says more than `anyOf` itself, and more than that the value is not null either. */
function causesIn(validation: readonly AjvError[]): readonly AjvError[] {
  const causes = validation.filter(({ keyword }) => !SUMMARIES.has(keyword))
  const others = causes.filter(({ keyword, params }) => keyword !== 'type' || params['type'] !== 'null')
  if (others.length > 0) return others
  return causes.length > 0 ? causes : validation
}

type About = Readonly<{ place: FieldError['in']; names: Names }>

function explain(error: AjvError, about: About): { pointer: string; detail: string } {
  const { instancePath, keyword, params, message, propertyName } = error
  const at = (name: unknown) => `${instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
  switch (keyword) {
    case 'additionalProperties':
      return { pointer: at(params['additionalProperty']), detail: unknownField(error, about) }
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
      return { pointer: propertyName === undefined ? instancePath : at(propertyName), detail: patternRule(params['pattern']) }
    default: {
      const ofText = keyword === 'type' && about.place !== 'body' ? TEXT_RULES[String(params['type'])] : undefined
      if (ofText !== undefined) return { pointer: instancePath, detail: ofText }
      return { pointer: instancePath, detail: `${(message ?? 'is not valid').replace(/^./, (c) => c.toUpperCase())}.` }
    }
  }
}

function unknownField({ instancePath, params }: AjvError, { place, names }: About): string {
  const name = String(params['additionalProperty'])
  if (place === 'query') {
    const known = names.parameters.length === 0 ? 'This operation has none.' : `Known are: ${names.parameters.join(', ')}.`
    return `There is no such parameter. ${known}`
  }
  const notYet = unavailable.get(name)
  if (notYet !== undefined) return notYet
  if (place !== 'body' || instancePath !== '' || !names.shown.includes(name)) return 'There is no such field.'
  const instead = Object.hasOwn(names.elsewhere, name) ? names.elsewhere[name] : 'The service sets it.'
  return `This field is not changed here. ${instead}`
}

/** A pattern says nothing to people. @returns the sentence that does. */
function patternRule(pattern: unknown): string {
  return PATTERN_RULES[String(pattern)] ?? 'Has another form than the description of this field says.'
}

const PATTERN_RULES: Readonly<Record<string, string>> = {
  '\\S': 'Must not be blank.',
  '^[A-Z]{2}$': 'Must be an ISO 3166-1 country code of two capital letters, as in DE.',
  '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$':
    'Must be a decimal in text, as in "1250.00": digits, at most 15 before the point and 4 after it, no sign and no leading zero.',
  '^([01][0-9]|2[0-3]):[0-5][0-9]$': 'Must be a time of day from 00:00 to 23:59, as in 09:30.',
  '^[0-9]{1,18}$': 'Must be a whole number of at most 18 digits.',
  "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$":
    'The name of a header is 1 to 64 letters, digits, hyphens, underscores or other characters of a token (RFC 9110).'
}

/** What is not the body is text: of another type it is what the text can be read as. */
const TEXT_RULES: Readonly<Record<string, string>> = {
  integer: 'Must be a whole number in digits, as in 7. Leave the parameter out for its default.',
  number: 'Must be a number in digits, as in 7 or 0.5. Leave the parameter out for its default.',
  boolean: 'Must be true or false. Leave the parameter out for either.'
}

const FORMAT_RULES: Readonly<Record<string, string>> = {
  date: `Must be a real calendar day from ${firstInputDay} to ${lastInputDay}, YYYY-MM-DD.`,
  'date-time': `Must be an instant with its offset, as in 2026-03-01T09:00:00Z (RFC 3339), from ${firstInputDay} to ${lastInputDay} in UTC.`,
  currency: 'Must be an ISO 4217 currency code, as in EUR.',
  'active-currency': 'Must be an active ISO 4217 currency code, as in EUR.',
  'time-zone': 'Must be an IANA time zone, as in Europe/Berlin.',
  locale: 'Must be a BCP 47 language tag, as in en or fa-IR.',
  'web-url': 'Must be an http or https address.',
  uuid: 'Must be a UUID. In a path or filter, a client, invoice or payment may be named by ref:{source}:{id} instead.'
}
