import { type Static, type TOptional, type TProperties, type TSchema, Type } from 'typebox'
import { statusOf } from './problem.ts'

/** Gives a schema its name in the OpenAPI document. Register it in `apiSchemas`, then refer to it with `ref`. */
export function named<const Id extends string, T extends TSchema>($id: Id, schema: T): T & { $id: Id } {
  return Object.assign(schema, { $id })
}

export function ref<T extends TSchema & { $id: string }>(schema: T) {
  return Type.Unsafe<Static<T>>(Type.Ref(schema.$id))
}

/** An object that knows exactly its own fields: an unknown one is refused, on the way in and in the document. */
export function closed<P extends TProperties>(
  properties: P,
  options: { description?: string; minProperties?: number; examples?: readonly object[] } = {}
) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** The same properties, each one optional. */
export function optional<P extends TProperties>(properties: P): { [K in keyof P]: TOptional<P[K]> } {
  return Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, Type.Optional(schema)])) as {
    [K in keyof P]: TOptional<P[K]>
  }
}

/** A string of few values. Not a union of literals, which documents as many one-value enums. */
export function oneOf<const V extends readonly [string, ...string[]]>(
  values: V,
  options: { description?: string; default?: V[number] } = {}
) {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], ...options })
}

type Nullable<T> = ReturnType<typeof Type.Unsafe<T | null>>

/** Null beside a plain type, as OpenAPI 3.1 says it. */
export function nullable<T extends TSchema>(schema: T): Nullable<Static<T>> {
  const plain = schema as TSchema & { type?: string; enum?: unknown[]; $ref?: string }
  if (plain.type === undefined) return Type.Unsafe({ anyOf: [schema, { type: 'null' }] })
  return Type.Unsafe({ ...plain, type: [plain.type, 'null'], ...(plain.enum !== undefined && { enum: [...plain.enum, null] }) })
}

export const Id = Type.String({ format: 'uuid', description: 'UUIDv7' })
export const DayText = Type.String({ format: 'date', description: 'A calendar day, YYYY-MM-DD' })
export const InstantText = Type.String({ format: 'date-time', description: 'An instant, RFC 3339' })
/** What new invoices are issued in. */
export const ActiveCurrencyCode = Type.String({
  format: 'active-currency',
  minLength: 3,
  maxLength: 3,
  description: 'ISO 4217; a code that the standard has retired is refused'
})
export const CurrencyCode = Type.String({ format: 'currency', minLength: 3, maxLength: 3, description: 'ISO 4217' })
/** The pattern says what any currency allows; how many decimals this one has is checked where the currency is known. */
export const Amount = Type.String({
  pattern: '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$',
  maxLength: 20,
  description: 'A decimal string, exact, with at most the decimals of the currency',
  examples: ['1250.00']
})
export const SignedAmount = Type.String({
  description: 'A decimal string; negative where money is owed to the client',
  examples: ['-12.50']
})
export const TimeZone = Type.String({
  format: 'time-zone',
  maxLength: 64,
  description: 'IANA time zone',
  examples: ['Europe/Berlin']
})
export const Locale = Type.String({ format: 'locale', maxLength: 35, description: 'BCP 47 language tag', examples: ['en'] })
export const ShortText = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S', description: 'Not blank' })
export const LongText = Type.String({ minLength: 1, maxLength: 2000 })
export const Metadata = Type.Record(Type.String({ pattern: '^.{1,40}$' }), Type.String({ maxLength: 500 }), {
  description: 'Your own keys and values',
  additionalProperties: false,
  maxProperties: 50
})

export const ExternalRef = named(
  'ExternalRef',
  closed(
    { source: Type.String({ minLength: 1, maxLength: 64 }), id: Type.String({ minLength: 1, maxLength: 255 }) },
    { description: 'What another system calls this object' }
  )
)
export const ExternalRefs = Type.Array(ref(ExternalRef), { maxItems: 20 })

/** Beside `invoice_ids`, in bodies that take either. */
export const InvoiceRefs = Type.Array(ref(ExternalRef), {
  minItems: 1,
  maxItems: 200,
  uniqueItems: true,
  description: 'The invoices by what another system calls them, in place of `invoice_ids`'
})

export const SourceVersion = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: "The source's own version of the object: one older than the last applied changes nothing"
})

export const IdParams = closed({ id: Id })
export const RefQuery = closed({
  source: Type.String({ minLength: 1, maxLength: 64 }),
  id: Type.String({ minLength: 1, maxLength: 255, description: 'The id in the source; may hold slashes' })
})
/** A deletion in the source may be a version of the object as well. */
export const DeleteByRefQuery = closed({
  ...RefQuery.properties,
  source_version: Type.Optional({
    ...SourceVersion,
    description:
      "The source's own version of the object that says that it is deleted: the deletion holds against writes of older and equal versions"
  })
})

/** Rows of a page. */
export const PAGE_MAX = 200

export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: 50 }),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 500,
      description:
        'next_cursor of the page before, with the same filters and sort; another cursor is refused with `invalid_cursor`. `limit` may differ.'
    })
  )
}
export const updatedSince = {
  updated_since: Type.Optional({
    ...InstantText,
    description:
      'Changed from then on, an instant, RFC 3339. As created_at and updated_at, in the organization’s time: of a test organization, its clock’s'
  })
}

export function pageOf<T extends TSchema & { $id: string }>(item: T) {
  return closed({
    data: Type.Array(ref(item), { maxItems: PAGE_MAX }),
    next_cursor: nullable(Type.String({ description: 'Null on the last page' }))
  })
}

export const writeHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'The same key with the same request has one effect; kept for 7 days. Requests are the same if method, path, query and body are, whatever the order of members, white space or headers.'
    })
  )
})
export const matchHeaders = Type.Object({
  'if-match': Type.Optional(
    Type.String({ maxLength: 100, description: 'The ETag that the change was made from; 412 when stale' })
  )
})

/** Of what is done with an object that may have changed since it was read. */
export const actionHeaders = Type.Object({ ...writeHeaders.properties, ...matchHeaders.properties })

export const ProblemSchema = named(
  'Problem',
  Type.Object(
    {
      type: Type.String(),
      title: Type.String(),
      status: Type.Integer(),
      detail: Type.String(),
      instance: Type.String({ description: 'The request id' }),
      code: oneOf(Object.keys(statusOf) as [string, ...string[]], { description: 'Stable; switch on this' }),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            in: oneOf(['body', 'query', 'path', 'header']),
            pointer: Type.Optional(Type.String({ description: 'JSON pointer of the field; of a body only' })),
            parameter: Type.Optional(Type.String({ description: 'Name of the parameter or header; of all but a body' })),
            detail: Type.String()
          })
        )
      ),
      existing_id: Type.Optional(Type.String({ description: 'The object that holds the reference already' }))
    },
    { description: 'RFC 9457' }
  )
)

/** What each refusal means, by status. */
export const REFUSALS = {
  400: 'Malformed: the field and the rule are named',
  401: 'No valid key',
  403: "The key's scopes do not allow this",
  404: 'No such object in this organization',
  409: 'The state forbids it, or with `concurrent_request` another request holds what this one needs; see Retry-After',
  410: 'The database was restored from a backup that does not have this position of the log; start again without it',
  412: 'If-Match names an older version',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'Understood and refused',
  429: 'Too many requests; see Retry-After',
  503: 'The database does not answer or cannot do this now; see Retry-After'
} as const satisfies Readonly<Record<number, string>>

export type Refusal = keyof typeof REFUSALS & number

/** The problem responses of a route that are its own. What every route of its method and scope can give comes with `registerContract`. */
export function refusals(...statuses: Refusal[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: REFUSALS[status], content: { 'application/problem+json': { schema: Type.Ref(ProblemSchema.$id) } } }
    ])
  )
}
