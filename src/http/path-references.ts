import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Database, Reader } from '../db/client.ts'
import { DomainError } from '../kernel/errors.ts'
import type { ReferenceKind } from '../modules/references/reference.ts'

/** What is looked up by `ref:{source}:{id}` in place of an id. */
export type ReferenceLookup = (
  reader: Reader,
  name: { kind: ReferenceKind; source: string; id: string }
) => Promise<{ objectId: string } | undefined>

/** In the path: the kind by the first word after `/v1/`. */
const KIND_OF_PATH: Readonly<Record<string, ReferenceKind>> = { clients: 'client', invoices: 'invoice', payments: 'payment' }
/** In the query: the kind by the name of the parameter. */
const KIND_OF_QUERY: Readonly<Record<string, ReferenceKind>> = {
  client_id: 'client',
  invoice_id: 'invoice',
  payment_id: 'payment'
}

export function kindOf(url: string, place: string, name: string): ReferenceKind | undefined {
  if (place === 'query') return KIND_OF_QUERY[name]
  const [, collection = ''] = /^\/v1\/([^/]+)\/(?::id|\{id\})(?=\/|$)/.exec(url) ?? []
  return place === 'path' && name === 'id' && Object.hasOwn(KIND_OF_PATH, collection) ? KIND_OF_PATH[collection] : undefined
}

const SOURCE_MAX = 64
const ID_MAX = 255
/** A row that nobody has: a filter by an unknown reference finds what one by an unknown id does. */
const NOBODY = '00000000-0000-0000-0000-000000000000'

/** Takes a reference wherever a path or a filter has the id of a client, invoice or payment. A request with ids asks for nothing more. */
export function registerPathReferences(app: FastifyInstance, deps: { database: Database; find: ReferenceLookup }): void {
  app.addHook('preValidation', async (request) => {
    await replaceIn(request, { place: 'path', values: request.params as Values, ...deps })
    await replaceIn(request, { place: 'query', values: request.query as Values, ...deps })
  })
}

type Values = Record<string, unknown>
type Where = Readonly<{ place: 'path' | 'query'; values: Values; database: Database; find: ReferenceLookup }>

async function replaceIn(request: FastifyRequest, { place, values, database, find }: Where): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    const kind = kindOf(request.routeOptions.url ?? '', place, name)
    const named = kind === undefined || typeof value !== 'string' ? undefined : referenceIn(value)
    if (kind === undefined || named === undefined) continue
    const found = await database.reading(request.principal.orgId, (reader) => find(reader, { kind, ...named }))
    if (found === undefined && place === 'path') throw new DomainError('not_found', `No ${kind} has this reference.`)
    values[name] = found?.objectId ?? NOBODY
  }
}

/** `ref:{source}:{id}`: a colon or percent sign of the source is percent-encoded, the id stands as it is. Anything else is left to the schema. */
function referenceIn(text: string): { source: string; id: string } | undefined {
  const [, encoded = '', id = ''] = /^ref:([^:]+):(.+)$/s.exec(text) ?? []
  const source = decoded(encoded)
  const isStorable = source.isWellFormed() && id.isWellFormed() && !`${source}${id}`.includes('\0')
  return isStorable && isWithin(source, SOURCE_MAX) && isWithin(id, ID_MAX) ? { source, id } : undefined
}

/** Counts code points, as `maxLength` does in the bodies that give references. */
function isWithin(text: string, max: number): boolean {
  return text !== '' && [...text].length <= max
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
