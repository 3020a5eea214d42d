import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  keepsPackagesInTheirPlaces,
  keepsTheLineOfModules,
  knowsNothingAbove,
  reachesOtherModulesThroughTheirFront
} from './boundaries.ts'
import {
  modulesReadNoClock,
  onlyConfigReadsTheEnvironment,
  pureFilesImportOnlyPureFiles,
  pureFilesReadNothing,
  worldly
} from './purity.ts'
import { filesStayShort, functionsStayShort, namesSayWhatIsInside } from './sizes.ts'
import { type Finding, readSources, root, type Source } from './sources.ts'
import { modulesWriteTheirOwnTables, onlyTheEdgeOpensTransactions, ownTransactions, writesTakeATx } from './writes.ts'

const product = readSources('src')
const everything = [
  ...product,
  ...readSources(...['test', 'bench', 'openapi', 'examples'].filter((folder) => existsSync(`${root}/${folder}`)))
]

function expectNone(rule: (sources: readonly Source[]) => Finding[], sources = product): void {
  const sentences = rule(sources).map(({ path, line, sentence }) => `${path}:${line} ${sentence}.`)
  if (sentences.length > 0) expect.fail(`\n${sentences.join('\n')}\n`)
}

test('the product is there to be looked at', () => {
  expect(product.length).toBeGreaterThan(20)
})

test('kernel and domain files import nothing that touches the world', () => expectNone(pureFilesImportOnlyPureFiles))
test('kernel and domain files read no clock, no chance and no environment', () => expectNone(pureFilesReadNothing))
test('modules take the time from the clock they were given', () => expectNone(modulesReadNoClock))
test('only config.ts reads the environment', () => expectNone(onlyConfigReadsTheEnvironment))
test('modules reach each other through services and pure files', () => expectNone(reachesOtherModulesThroughTheirFront))
test('modules form a line', () => expectNone(keepsTheLineOfModules))
test('what lies lower knows nothing of what lies higher, and services know no HTTP', () => expectNone(knowsNothingAbove))
test('Drizzle, pg and Fastify stay in their places', () => expectNone(keepsPackagesInTheirPlaces))
test('repository functions that write take a Tx', () => expectNone(writesTakeATx))
test('services and below open no transaction', () => expectNone(onlyTheEdgeOpensTransactions))
test('a table is written by the module that owns it', () => expectNone(modulesWriteTheirOwnTables))
test('files stay under 300 lines', () => expectNone(filesStayShort, everything))
test('functions stay under 50 lines', () => expectNone(functionsStayShort))
test('no file is called utils, helpers, common or types', () => expectNone(namesSayWhatIsInside, everything))

test('every exception still exists', () => {
  expect([...Object.keys(worldly), ...Object.keys(ownTransactions)].filter((path) => !existsSync(`${root}/${path}`))).toEqual([])
})
