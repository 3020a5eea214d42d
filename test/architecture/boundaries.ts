import { type Finding, type Import, moduleOf, partOf, type Source } from './sources.ts'

/** From the bottom to the top: a module knows those below it. Those that share a place do not know each other. */
export const moduleLine: readonly (readonly string[])[] = [
  ['events'],
  ['references'],
  ['organizations'],
  ['pending-writes'],
  ['clients'],
  ['deadlines'],
  ['invoices'],
  ['payments'],
  ['credit-notes'],
  ['interactions'],
  ['charges'],
  ['holds'],
  ['promises', 'disputes', 'payment-plans'],
  ['dunning'],
  ['risk'],
  ['reports'],
  ['imports', 'integrations']
]

type Edge = Readonly<{ source: Source; import: Import; target: string }>

function edges(sources: readonly Source[]): Edge[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((found) => (found.target === undefined ? [] : [{ source, import: found, target: found.target }]))
  )
}

function finding({ source, import: { line } }: Pick<Edge, 'source' | 'import'>, sentence: string): Finding {
  return { path: source.path, line, sentence }
}

/** Rule 2. */
export function reachesOtherModulesThroughTheirFront(sources: readonly Source[]): Finding[] {
  return edges(sources).flatMap((edge) => {
    const [from, to] = [moduleOf(edge.source.path), moduleOf(edge.target)]
    if (from === undefined || to === undefined || from === to) return []
    const [fromPart, toPart] = [partOf(edge.source.path), partOf(edge.target)]
    if (toPart === 'service' || toPart === 'domain') return []
    // A foreign key names the other table, a query joins it, and a document of the API is composed of others.
    if (toPart === 'table' && (fromPart === 'table' || fromPart === 'repository')) return []
    if (fromPart === 'schemas' && toPart === 'schemas') return []
    return finding(
      edge,
      `reaches into ${to}'s ${toPart}: a module uses another through its service, handed in, or its pure files`
    )
  })
}

/** Rule 3. */
export function keepsTheLineOfModules(sources: readonly Source[]): Finding[] {
  const unplaced = sources.flatMap(({ path }) => {
    const name = moduleOf(path)
    if (name === undefined || name === 'webhooks' || placeOf(name) >= 0) return []
    return { path, line: 1, sentence: `belongs to the module ${name}, which has no place in the line of modules (boundaries.ts)` }
  })
  const wrong = edges(sources).flatMap((edge) => {
    const [from, to] = [moduleOf(edge.source.path), moduleOf(edge.target)]
    if (from === undefined || to === undefined || from === to) return []
    if (from === 'webhooks')
      return webhooksMayKnow(to, edge.target) ? [] : finding(edge, `${webhooksRule}, not ${to}'s ${partOf(edge.target)}`)
    if (to === 'webhooks') return finding(edge, 'knows webhooks, which delivers events and is known by nobody')
    if (placeOf(to) < placeOf(from)) return []
    return finding(
      edge,
      `knows ${to}, which is not below ${from}: what must be told upward goes through a port that app.ts fills`
    )
  })
  return [...unplaced, ...wrong]
}

const webhooksRule = "webhooks reads events, names organizations in a foreign key and uses organizations' pure files"

function webhooksMayKnow(module: string, target: string): boolean {
  if (module === 'events') return true
  return module === 'organizations' && ['domain', 'table'].includes(partOf(target))
}

function placeOf(module: string): number {
  return moduleLine.findIndex((place) => place.includes(module))
}

/** Rule 4, upward: what lies lower does not know what lies higher. */
export function knowsNothingAbove(sources: readonly Source[]): Finding[] {
  return edges(sources).flatMap((edge) => {
    const to = layerOf(edge.target)
    if (layersKnown[layerOf(edge.source.path)].includes(to)) return []
    return finding(edge, `is ${layerWords[layerOf(edge.source.path)]} and knows ${edge.target}, which is ${layerWords[to]}`)
  })
}

type Layer = 'kernel' | 'db' | 'core' | 'http' | 'schemas' | 'routes' | 'rim'

const layerWords: Record<Layer, string> = {
  kernel: 'kernel',
  db: 'database access',
  core: 'the core of a module (its service and below)',
  http: 'HTTP',
  schemas: "a module's schemas",
  routes: "a module's routes",
  rim: 'composition (app, process, jobs, command line)'
}

const layersKnown: Record<Layer, readonly Layer[]> = {
  kernel: ['kernel'],
  db: ['kernel', 'db'],
  // An event carries the document that the API would answer, so a service knows how its own noun is written.
  core: ['kernel', 'db', 'core', 'schemas'],
  http: ['kernel', 'db', 'core', 'http', 'schemas'],
  schemas: ['kernel', 'db', 'core', 'http', 'schemas'],
  routes: ['kernel', 'db', 'core', 'http', 'schemas', 'routes'],
  rim: ['kernel', 'db', 'core', 'http', 'schemas', 'routes', 'rim']
}

function layerOf(path: string): Layer {
  if (path.startsWith('src/kernel/')) return 'kernel'
  if (path.startsWith('src/db/')) return 'db'
  if (path.startsWith('src/http/')) return 'http'
  if (moduleOf(path) === undefined) return 'rim'
  const part = partOf(path)
  return part === 'schemas' || part === 'routes' ? part : 'core'
}

/** Rule 4, sideways: a package has its place. */
const homes: readonly Readonly<{ packages: RegExp; places: RegExp; where: string }>[] = [
  {
    packages: /^(drizzle-orm|drizzle-kit)(\/|$)/,
    places: /^src\/db\/|^src\/modules\/[^/]+\/(table|repository|[\w-]+-repository)\.ts$/,
    where: 'src/db, table.ts and repository.ts'
  },
  { packages: /^pg(-|\/|$)/, places: /^src\/db\//, where: 'src/db' },
  {
    packages: /^(fastify|@fastify\/.+|fastify-.+)$/,
    places: /^src\/app\.ts$|^src\/http\/|^src\/modules\/[^/]+\/(routes|[\w-]+-routes)\.ts$/,
    where: 'src/app.ts, src/http and routes.ts'
  }
]

export function keepsPackagesInTheirPlaces(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((found) =>
      homes
        .filter(({ packages, places }) => packages.test(found.specifier) && !places.test(source.path))
        .map(({ where }) => finding({ source, import: found }, `imports ${found.specifier}, which belongs in ${where}`))
    )
  )
}
