import ts from 'typescript'
import { type Finding, lineOf, moduleOf, partOf, type Source, walk } from './sources.ts'

/**
 * Files of a module that touch the world by nature. They are neither pure nor a repository, service or route, so each says here what
 * it is for.
 */
export const worldly: Readonly<Record<string, string>> = {
  'src/modules/webhooks/address-guard.ts': 'opens connections',
  'src/modules/webhooks/attempt.ts': 'sends one request and reads its answer',
  'src/modules/webhooks/attempt-failure.ts': 'names what the others throw',
  'src/modules/webhooks/early-answers.ts': 'reads what a receiver has sent',
  'src/modules/webhooks/name-resolver.ts': 'asks name servers',
  'src/modules/webhooks/sender.ts': 'keeps the connections that requests are sent on'
}

/** Packages that only compute, and who may import them. Holidays come from tables; the kernel gets them as data. */
const computingPackages: Readonly<Record<string, RegExp>> = {
  'temporal-polyfill/full': /./,
  'date-holidays': /^src\/modules\/organizations\/holidays\.ts$/
}

/** These compute; the rest of node:crypto draws random numbers. */
const computing = [
  'KeyObject',
  'createSecretKey',
  'createPrivateKey',
  'createPublicKey',
  'sign',
  'createHash',
  'createHmac',
  'createCipheriv',
  'createDecipheriv',
  'timingSafeEqual',
  'hash',
  'hkdfSync'
]

export function isPure(path: string): boolean {
  if (path.startsWith('src/kernel/')) return true
  return moduleOf(path) !== undefined && partOf(path) === 'domain' && !(path in worldly)
}

/** Rule 1, first half. */
export function pureFilesImportOnlyPureFiles(sources: readonly Source[]): Finding[] {
  return sources
    .filter(({ path }) => isPure(path))
    .flatMap(({ path, imports }) =>
      imports.flatMap(({ specifier, target, names, erased, line }) => {
        if (target !== undefined) {
          // A port is a type that names a Tx; naming is not using.
          if (isPure(target) || (erased && !path.startsWith('src/kernel/'))) return []
          return { path, line, sentence: `is pure and imports ${target}, which is not` }
        }
        if (computingPackages[specifier]?.test(path)) return []
        if (specifier === 'node:util' && names.length > 0 && names.every((name) => name === 'isDeepStrictEqual')) return []
        if (specifier === 'node:crypto' && names.length > 0 && names.every((name) => computing.includes(name))) return []
        return {
          path,
          line,
          sentence: `is pure and imports ${specifier}: only temporal-polyfill/full, isDeepStrictEqual and node:crypto's hashes compute without the world`
        }
      })
    )
}

const clockWords = 'the time; it is handed in, so that a test clock can turn it'

/** Text of an expression → what it reads. */
const readings: Readonly<Record<string, string>> = {
  'Date.now': clockWords,
  'performance.now': clockWords,
  'Temporal.Now': clockWords,
  'process.hrtime': clockWords,
  'Math.random': 'chance',
  'crypto.randomUUID': 'chance; ids are handed in',
  'crypto.getRandomValues': 'chance',
  'process.env': 'the environment'
}

/** Rule 1, second half. */
export function pureFilesReadNothing(sources: readonly Source[]): Finding[] {
  return sources
    .filter(({ path }) => isPure(path) && path !== 'src/kernel/clock.ts')
    .flatMap((source) =>
      readingsIn(source).map(({ line, what }) => ({ path: source.path, line, sentence: `is pure and reads ${what}` }))
    )
}

/** Services and repositories may touch the database, but time comes from the clock they were given. */
export function modulesReadNoClock(sources: readonly Source[]): Finding[] {
  return sources
    .filter(({ path }) => moduleOf(path) !== undefined && !isPure(path))
    .flatMap((source) =>
      readingsIn(source)
        .filter(({ what, text }) => what === clockWords && text !== 'performance.now')
        .map(({ line, what }) => ({ path: source.path, line, sentence: `reads ${what}` }))
    )
}

export function onlyConfigReadsTheEnvironment(sources: readonly Source[]): Finding[] {
  return sources
    .filter(({ path }) => path.startsWith('src/') && path !== 'src/config.ts')
    .flatMap((source) =>
      readingsIn(source)
        .filter(({ text }) => text === 'process.env')
        .map(({ line }) => ({
          path: source.path,
          line,
          sentence: 'reads process.env: src/config.ts checks it once, for everybody'
        }))
    )
}

function readingsIn({ tree }: Source): { line: number; what: string; text: string }[] {
  const found: { line: number; what: string; text: string }[] = []
  walk(tree, (node) => {
    const text = readingAt(node)
    if (text === undefined) return
    found.push({ line: lineOf(tree, node), what: readings[text] ?? clockWords, text })
  })
  return found
}

function readingAt(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const text = `${node.expression.getText()}.${node.name.text}`.replace(/^globalThis\./, '')
    return text in readings ? text : undefined
  }
  const isDate = (expression: ts.Node) => ts.isIdentifier(expression) && expression.text === 'Date'
  if (ts.isNewExpression(node) && isDate(node.expression) && (node.arguments?.length ?? 0) === 0) return 'new Date()'
  if (ts.isCallExpression(node) && isDate(node.expression)) return 'Date()'
  return undefined
}
