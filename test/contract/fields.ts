import { type Document, resolve, type Schema, typesOf } from './document.ts'

/** One place in a body, with a value that is valid there, and how a body looks with another one and everything around it valid. */
export type Field = Readonly<{
  pointer: string
  schema: Schema
  isNullable: boolean
  sample: unknown
  put: (value: unknown) => unknown
}>

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: '01900000-0000-7000-8000-000000000000',
  date: '2026-01-05',
  'date-time': '2026-01-05T10:00:00Z',
  currency: 'EUR',
  'active-currency': 'EUR',
  'time-zone': 'UTC',
  locale: 'en',
  email: 'someone@example.com',
  'web-url': 'https://example.com/'
}
const BY_PATTERN: Readonly<Record<string, string>> = {
  '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$': '10.00',
  '^([01][0-9]|2[0-3]):[0-5][0-9]$': '09:00',
  '^[A-Z]{2}$': 'DE',
  '^[A-Z]{3}$': 'EUR',
  '^.{1,40}$': 'key',
  '\\S': 'text'
}

/** The least that the schema takes: required fields alone, and of several shapes the first. */
export function sampleOf(written: Schema, document: Document): unknown {
  const schema = resolve(written, document)
  const [shape] = shapesOf(schema, document)
  if (shape !== undefined && shape !== schema) return sampleOf(shape, document)
  if (schema.enum !== undefined) return schema.enum[0]
  const [type = 'string'] = typesOf(schema)
  switch (type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {}, document)])
      )
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}, document))
    case 'integer':
      return Math.max(schema.minimum ?? 0, Math.min(1, schema.maximum ?? 1))
    case 'boolean':
      return true
    default:
      return textFor(schema)
  }
}

function textFor({ format, pattern, minLength = 1 }: Schema): string {
  if (format !== undefined) return BY_FORMAT[format] ?? missing(`the format ${format}`)
  if (pattern !== undefined) return BY_PATTERN[pattern] ?? missing(`the pattern ${pattern}`)
  return 'x'.repeat(minLength)
}

function missing(what: string): never {
  throw new Error(`test/contract/fields.ts knows no text for ${what}: add one.`)
}

/** What an object may look like: each of `oneOf`, and of `anyOf` all but null. */
export function shapesOf(written: Schema, document: Document): Schema[] {
  const schema = resolve(written, document)
  const choices = schema.oneOf ?? schema.anyOf
  if (choices === undefined) return [schema]
  return choices.filter((choice) => choice.type !== 'null').flatMap((choice) => shapesOf(choice, document))
}

export function isNullable(written: Schema, document: Document): boolean {
  const schema = resolve(written, document)
  return typesOf(schema).includes('null') || schema.anyOf?.some(({ type }) => type === 'null') === true
}

type Place = Readonly<{ pointer: string; put: (value: unknown) => unknown }>

/** Every field that a body can have, down to the items of lists, each in a body that is valid but for it. */
export function fieldsOf(root: Schema, { base, document }: { base: unknown; document: Document }): Field[] {
  return fieldsIn(root, { pointer: '', put: (value) => value, base, document })
}

function fieldsIn(written: Schema, place: Place & { base: unknown; document: Document }): Field[] {
  const { pointer, put, base, document } = place
  return shapesOf(written, document).flatMap((shape) => {
    const sample = typesOf(shape).includes('object')
      ? { ...(sampleOf(shape, document) as object), ...(base as object | undefined) }
      : sampleOf(shape, document)
    const own: Field = { pointer, schema: shape, isNullable: isNullable(written, document), sample, put }
    if (shape.items !== undefined) {
      const item = shape.items
      const rest = Array.from({ length: Math.max(0, (shape.minItems ?? 0) - 1) }, () => sampleOf(item, document))
      return [
        own,
        ...fieldsIn(item, { pointer: `${pointer}/0`, put: (value) => put([value, ...rest]), base: undefined, document })
      ]
    }
    if (!typesOf(shape).includes('object')) return [own]
    // Where the number of fields is limited, they stand alone.
    const around = shape.maxProperties === undefined ? (sample as object) : {}
    return [
      own,
      ...Object.entries(shape.properties ?? {}).flatMap(([name, schema]) =>
        fieldsIn(schema, {
          pointer: `${pointer}/${name}`,
          put: (value) => put({ ...around, [name]: value }),
          base: undefined,
          document
        })
      )
    ]
  })
}
