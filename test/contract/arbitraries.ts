import fc, { type Arbitrary } from 'fast-check'
import { type Document, type Operation, type Parameter, resolve, type Schema, typesOf } from './document.ts'
import { mutated } from './mutations.ts'

/** Ids by what they name, and references that something has, so that requests get further than to "not found". */
export type Pool = Readonly<{
  ids: Readonly<Record<string, readonly string[]>>
  references: readonly Readonly<{ source: string; id: string }>[]
  etags: readonly string[]
}>

type World = Readonly<{ document: Document; pool: Pool }>

const NOBODY = '01900000-0000-7000-8000-00000000dead'
const CURRENCIES = ['EUR', 'EUR', 'EUR', 'USD', 'JPY', 'KWD', 'CLF']
const AMOUNTS = ['100.00', '40.00', '1.00', '12', '7', '5000', '99999999', '999999999999999', '0.01', '0', '0.001', '1.2345']
const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Tehran', 'Pacific/Kiritimati', 'America/St_Johns', 'Pacific/Apia']
const DAYS = [
  '2025-11-01',
  '2025-12-01',
  '2026-01-05',
  '2026-01-06',
  '2024-02-29',
  '0001-01-01',
  '1970-01-01',
  '2199-12-31',
  '9999-12-31'
]
const INSTANTS = [
  '2026-01-05T09:00:00Z',
  '2026-01-05T12:00:00+03:30',
  '1970-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '0001-01-01T00:00:00Z'
]
const LOCALES = ['en', 'fa-IR', 'he', 'az-Latn-AZ', 'x-klingon']
const URLS = [
  'https://hooks.example.com/in',
  'http://169.254.169.254/latest',
  'https://user:pass@example.com',
  'https://[::1]/',
  'https://xn--/'
]

/** A value that the schema takes; with a small chance of what only the books refuse. */
export function valueFor(written: Schema, { name, world }: { name: string; world: World }): Arbitrary<unknown> {
  const schema = resolve(written, world.document)
  const choices = schema.oneOf ?? schema.anyOf
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valueFor(choice, { name, world })))
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  const [type, second] = typesOf(schema)
  const plain = plainValueFor(type ?? 'string', schema, { name, world })
  return second === 'null' ? fc.option(plain, { freq: 4 }) : plain
}

function plainValueFor(type: string, schema: Schema, how: { name: string; world: World }): Arbitrary<unknown> {
  const { world } = how
  switch (type) {
    case 'object':
      return objectFor(schema, how)
    case 'array': {
      const { minItems = 0, maxItems = 5 } = schema
      const item = valueFor(schema.items ?? {}, how)
      const bounds = { minLength: minItems, maxLength: Math.max(minItems, Math.min(maxItems, 3)) }
      return schema.uniqueItems === true ? fc.uniqueArray(item, bounds) : fc.array(item, bounds)
    }
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 5_000, Number.MAX_SAFE_INTEGER) })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return textFor(schema, { ...how, world })
  }
}

function objectFor(schema: Schema, { world }: { world: World }): Arbitrary<unknown> {
  const { properties = {}, required = [], patternProperties } = schema
  const names = Object.keys(properties)
  // What another system calls something: one that exists, or one that will.
  if (names.join() === 'source,id') {
    return fc.oneof(fc.constantFrom(...world.pool.references), fc.record({ source: fc.constant('fuzz'), id: someText(20) }))
  }
  const [entry] = Object.entries(patternProperties ?? {})
  if (entry !== undefined) {
    const keys = fc.oneof(fc.stringMatching(new RegExp(entry[0], 'u')), fc.constantFrom('EUR', 'JPY', 'constructor', 'toString'))
    return fc.dictionary(keys, valueFor(entry[1], { name: '', world }), { maxKeys: 3, noNullPrototype: true })
  }
  return fc.constantFrom(...USUAL).chain(({ with: usual, without }) => {
    const kept = Object.fromEntries(Object.entries(properties).filter(([name]) => !without.includes(name)))
    return fewOf(kept, { required: [...required, ...usual.filter((name) => name in kept)], world })
  })
}

/** What most bodies need to get anywhere, and of two ways to say a thing one. */
const MONEY = ['amount', 'total', 'currency', 'number']
const USUAL = [
  { with: ['client_id', 'invoice_id', 'due_on', ...MONEY], without: ['client_ref', 'invoice_ref', 'due_schedule'] },
  { with: ['client_ref', 'invoice_ref', ...MONEY], without: ['client_id', 'invoice_id', 'due_on'] },
  { with: [], without: [] }
]

/** Of the optional fields a few: each more is one more reason to be refused before the books are asked. */
function fewOf(
  schemas: Readonly<Record<string, Schema>>,
  { required, world }: { required: readonly string[]; world: World }
): Arbitrary<Record<string, unknown>> {
  const optional = Object.keys(schemas).filter((name) => !required.includes(name))
  return fc.subarray(optional, { maxLength: Math.min(3, optional.length) }).chain((chosen) => {
    const names = [...new Set([...required, ...chosen])]
    return fc.record(Object.fromEntries(names.map((name) => [name, valueFor(schemas[name] ?? {}, { name, world })])), {
      noNullPrototype: true
    })
  })
}

const BY_FORMAT: Readonly<Record<string, Arbitrary<string>>> = {
  currency: fc.constantFrom(...CURRENCIES),
  'active-currency': fc.constantFrom(...CURRENCIES),
  'time-zone': fc.constantFrom(...ZONES),
  locale: fc.constantFrom(...LOCALES),
  email: fc.constantFrom('a@example.com', 'ü@example.com', '"quoted"@example.com'),
  'web-url': fc.constantFrom(...URLS),
  'date-time': fc.constantFrom(...INSTANTS)
}

function textFor(schema: Schema, { name, world }: { name: string; world: World }): Arbitrary<string> {
  const { format, pattern, minLength = 0, maxLength = 30 } = schema
  if (format === 'uuid' || format === 'id-or-reference') return idFor(name, world)
  if (format === 'date') return dayFor(name)
  if (format !== undefined && format in BY_FORMAT) return BY_FORMAT[format] ?? fc.string()
  if (pattern?.startsWith('^(0|[1-9]') === true)
    return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...AMOUNTS) }, fc.stringMatching(new RegExp(pattern)))
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  if (name === 'url') return fc.constantFrom(...URLS)
  return someText(Math.min(maxLength, 40), minLength)
}

/** Mostly around the day of the test: what is issued or came in before it, what falls due after it. */
function dayFor(name: string): Arbitrary<string> {
  const isPast = name === 'issued_on' || name === 'received_on'
  const near = fc.integer({ min: isPast ? -90 : 0, max: isPast ? 0 : 60 })
  const day = near.map((days) => new Date(Date.UTC(2026, 0, 5 + days)).toISOString().slice(0, 10))
  return fc.oneof({ weight: 5, arbitrary: day }, fc.constantFrom(...DAYS))
}

function someText(maxLength: number, minLength = 1): Arbitrary<string> {
  return fc.oneof(
    fc.string({ minLength, maxLength, unit: 'grapheme' }).filter((text) => text.length <= maxLength),
    fc.string({ minLength, maxLength, unit: 'binary' }).filter((text) => text.length <= maxLength)
  )
}

function idFor(name: string, { pool }: World): Arbitrary<string> {
  const kind = name.replace(/_ids?$/, '').replace(/^(default|replaced_by|parent)_?/, '')
  const right = pool.ids[kind] ?? pool.ids[name === 'replaced_by_id' ? 'invoice' : 'client'] ?? []
  const any = Object.values(pool.ids).flat()
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...right, ...right, NOBODY) },
    fc.constantFrom(...any),
    fc.uuid({ version: 7 })
  )
}

export type Call = Readonly<{
  operation: Operation
  url: string
  headers: Readonly<Record<string, string>>
  payload: string | undefined
}>

const KIND_BY_PATH: Readonly<Record<string, string>> = {
  clients: 'client',
  invoices: 'invoice',
  payments: 'payment',
  'dunning-policies': 'dunning_policy',
  interactions: 'interaction',
  dunning: 'dunning',
  'api-keys': 'key',
  'webhook-endpoints': 'endpoint',
  'webhook-deliveries': 'delivery',
  events: 'event'
}

/** A request to the operation: as its schemas want it, or with some of it broken. */
export function callOf(operation: Operation, world: World): Arbitrary<Call> {
  const kind = KIND_BY_PATH[operation.path.split('/')[2] ?? ''] ?? 'client'
  const ids = fc.oneof(
    { weight: 8, arbitrary: idFor(`${kind}_id`, world) },
    fc.constantFrom('seven', '%00', '..%2f..', 'a'.repeat(400), '%ff')
  )
  return fc
    .record({
      id: ids,
      query: queryOf(operation, world),
      headers: headersOf(world),
      payload: operation.body === undefined ? fc.constant(undefined) : payloadOf(operation.body, world)
    })
    .map(({ id, query, headers, payload }) => ({
      operation,
      url: `${operation.path.replace(/\{[^}]+\}/g, id)}${query === '' ? '' : `?${query}`}`,
      headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...headers },
      payload
    }))
}

function queryOf({ parameters, path }: Operation, world: World): Arbitrary<string> {
  const own = parameters.filter(({ in: place }) => place === 'query')
  if (path.endsWith('/by-ref')) {
    const reference = valueFor({ type: 'object', properties: { source: {}, id: {} } }, { name: '', world })
    return fc.tuple(reference, junkQuery(own)).map(([known, junk]) => joined(known as Record<string, string>, junk))
  }
  const values = fewOf(Object.fromEntries(own.map(({ name, schema }) => [name, schema])), { required: [], world })
  return fc.tuple(values, junkQuery(own)).map(([known, junk]) => joined(known, junk))
}

function junkQuery(parameters: readonly Parameter[]): Arbitrary<Record<string, string>> {
  const names = fc.constantFrom('no_such', '__proto__', 'limit', 'cursor', ...parameters.map(({ name }) => name))
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant({}) },
    fc.dictionary(names, someText(20), { maxKeys: 2, noNullPrototype: true })
  )
}

function joined(...parts: Readonly<Record<string, unknown>>[]): string {
  return new URLSearchParams(
    parts.flatMap((part) => Object.entries(part).map(([name, value]) => [name, String(value).toWellFormed()] as [string, string]))
  ).toString()
}

function headersOf({ pool }: World): Arbitrary<Record<string, string>> {
  const visible = fc.stringMatching(/^[ -~]{0,40}$/)
  const given = fc.record(
    {
      'idempotency-key': fc.oneof(fc.constantFrom('one', 'two', 'three'), visible),
      'if-match': fc.oneof(fc.constantFrom(...pool.etags), visible),
      'request-id': visible,
      traceparent: fc.oneof(fc.constant('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'), visible),
      'content-type': fc.constantFrom('application/json; charset=utf-8', 'text/plain', 'application/xml', '')
    },
    { requiredKeys: [], noNullPrototype: true }
  )
  return fc.oneof({ weight: 5, arbitrary: fc.constant({}) }, given)
}

function payloadOf(body: Schema, world: World): Arbitrary<string> {
  const written = mutated(valueFor(body, { name: '', world })).map((value) => JSON.stringify(value))
  const torn = fc
    .tuple(written, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([text, share]) => text.slice(0, Math.floor(text.length * share)))
  return fc.oneof({ weight: 12, arbitrary: written }, torn, fc.json())
}
