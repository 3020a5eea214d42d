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
  pureFilesReadNothing
} from './purity.ts'
import { filesStayShort, functionsStayShort, namesSayWhatIsInside } from './sizes.ts'
import { type Finding, parse, type Source } from './sources.ts'
import { modulesWriteTheirOwnTables, onlyTheEdgeOpensTransactions, writesTakeATx } from './writes.ts'

type Plant = readonly [path: string, text: string]
type Case = readonly [rule: (sources: readonly Source[]) => Finding[], plant: Plant, sentence: string]

const table: Plant = ['src/modules/clients/table.ts', "export const clients = pgTable('clients', {})"]
const long = (lines: number) => Array.from({ length: lines }, (_, n) => `const n${n} = ${n}`).join('\n')

/** Each rule beside a violation that it must find: a rule that finds nothing is no rule. */
const violations: readonly Case[] = [
  [pureFilesImportOnlyPureFiles, ['src/kernel/money.ts', "import pg from 'pg'"], 'imports pg'],
  [pureFilesImportOnlyPureFiles, ['src/kernel/day.ts', "import 'temporal-polyfill'"], 'imports temporal-polyfill'],
  [
    pureFilesImportOnlyPureFiles,
    ['src/modules/dunning/decide.ts', "import { randomUUID } from 'node:crypto'"],
    'imports node:crypto'
  ],
  [
    pureFilesImportOnlyPureFiles,
    ['src/modules/dunning/decide.ts', "import { type Tx, createDatabase } from '../../db/client.ts'"],
    'src/db/client.ts'
  ],
  [
    pureFilesImportOnlyPureFiles,
    ['src/modules/dunning/decide.ts', "const x = await import('./repository.ts')"],
    'dunning/repository.ts'
  ],
  [pureFilesReadNothing, ['src/kernel/day.ts', 'const now = Date.now()'], 'reads the time'],
  [pureFilesReadNothing, ['src/kernel/day.ts', 'const now = new Date'], 'reads the time'],
  [pureFilesReadNothing, ['src/kernel/day.ts', 'const now = Temporal.Now.instant()'], 'reads the time'],
  [pureFilesReadNothing, ['src/modules/dunning/decide.ts', 'const id = globalThis.crypto.randomUUID()'], 'reads chance'],
  [pureFilesReadNothing, ['src/modules/dunning/decide.ts', 'const n = Math.random()'], 'reads chance'],
  [pureFilesReadNothing, ['src/modules/dunning/decide.ts', "const zone = process.env['TZ']"], 'reads the environment'],
  [modulesReadNoClock, ['src/modules/invoices/service.ts', 'const now = new Date()'], 'reads the time'],
  [onlyConfigReadsTheEnvironment, ['src/jobs/scheduler.ts', 'const { PORT } = process.env'], 'src/config.ts checks it once'],
  [
    reachesOtherModulesThroughTheirFront,
    ['src/modules/payments/service.ts', "import { x } from '../invoices/repository.ts'"],
    "invoices's repository"
  ],
  [
    reachesOtherModulesThroughTheirFront,
    ['src/modules/payments/service.ts', "import { x } from '../invoices/table.ts'"],
    "invoices's table"
  ],
  [
    keepsTheLineOfModules,
    ['src/modules/invoices/service.ts', "import type { X } from '../payments/service.ts'"],
    'not below invoices'
  ],
  [
    keepsTheLineOfModules,
    ['src/modules/promises/service.ts', "import type { X } from '../disputes/dispute.ts'"],
    'not below promises'
  ],
  [
    keepsTheLineOfModules,
    ['src/modules/webhooks/service.ts', "import type { X } from '../dunning/decide.ts'"],
    'webhooks reads events'
  ],
  [
    keepsTheLineOfModules,
    ['src/modules/webhooks/service.ts', "import type { X } from '../organizations/service.ts'"],
    'webhooks reads events'
  ],
  [
    keepsTheLineOfModules,
    ['src/modules/dunning/service.ts', "import type { X } from '../webhooks/service.ts'"],
    'known by nobody'
  ],
  [keepsTheLineOfModules, ['src/modules/gadgets/gadget.ts', ''], 'no place in the line'],
  [knowsNothingAbove, ['src/modules/invoices/service.ts', "import { problem } from '../../http/problem.ts'"], 'which is HTTP'],
  [knowsNothingAbove, ['src/http/auth.ts', "import { x } from '../modules/invoices/routes.ts'"], "a module's routes"],
  [knowsNothingAbove, ['src/db/client.ts', "import { x } from '../modules/invoices/invoice.ts'"], 'the core of a module'],
  [
    knowsNothingAbove,
    ['src/modules/dunning/routes.ts', "import { sweep } from '../../jobs/dunning-sweep.ts'"],
    'which is composition'
  ],
  [
    keepsPackagesInTheirPlaces,
    ['src/modules/invoices/service.ts', "import { eq } from 'drizzle-orm'"],
    'which belongs in src/db'
  ],
  [keepsPackagesInTheirPlaces, ['src/jobs/scheduler.ts', "import pg from 'pg'"], 'which belongs in src/db'],
  [
    keepsPackagesInTheirPlaces,
    ['src/modules/invoices/schemas.ts', "import type { FastifyReply } from 'fastify'"],
    'which belongs in src/app.ts'
  ],
  [
    writesTakeATx,
    ['src/modules/clients/repository.ts', 'async function save(reader: Reader) { await reader.sql.update(clients) }'],
    'in save'
  ],
  [
    writesTakeATx,
    [
      'src/modules/clients/repository.ts',
      "const drop = statement('x', 'delete from clients')\nfunction forget(r: Reader) { return r.run(drop, []) }"
    ],
    'in forget'
  ],
  [
    onlyTheEdgeOpensTransactions,
    ['src/modules/clients/service.ts', 'database.scoped(orgId, work)'],
    'opens a transaction with scoped'
  ],
  [
    modulesWriteTheirOwnTables,
    ['src/modules/invoices/repository.ts', 'const x = `with y as (update clients set name = $1) select 1`'],
    "is clients's"
  ],
  [
    modulesWriteTheirOwnTables,
    ['src/modules/invoices/repository.ts', 'const x = query("x", {}, (p) => build.update(clients).set({ name: p.name }))'],
    "is clients's"
  ],
  [modulesWriteTheirOwnTables, ['src/modules/invoices/repository.ts', "const x = insertion('x', clients)"], "is clients's"],
  [
    writesTakeATx,
    [
      'src/modules/clients/repository.ts',
      "const drop = query('x', {}, () => build.delete(clients))\nfunction forget(r: Reader) { return r.run(drop, {}) }"
    ],
    'in forget'
  ],
  [filesStayShort, ['src/app.ts', long(300)], 'has 300 lines'],
  [functionsStayShort, ['src/app.ts', `function build() {\n${long(48)}\n}`], 'the function build of 50 lines'],
  [namesSayWhatIsInside, ['src/http/utils.ts', ''], 'is called utils.ts'],
  [namesSayWhatIsInside, ['src/modules/common/money.ts', ''], 'is called common']
]

for (const [rule, [path, text], sentence] of violations) {
  test(`${rule.name} says that ${path} ${sentence}: ${text.slice(0, 60).split('\n')[0]}`, () => {
    const found = rule([parse(...table), parse(path, text)]).filter((finding) => finding.path === path)
    expect(found.map((finding) => finding.sentence)).toEqual([expect.stringContaining(sentence)])
  })
}

/** What looks like a violation and is none. */
const innocents: readonly (readonly [rule: Case[0], plant: Plant])[] = [
  [pureFilesImportOnlyPureFiles, ['src/modules/webhooks/signature.ts', "import { createHmac } from 'node:crypto'"]],
  [pureFilesImportOnlyPureFiles, ['src/modules/invoices/ports.ts', "import type { Tx } from '../../db/client.ts'"]],
  [knowsNothingAbove, ['src/modules/invoices/service.ts', "import { toApi } from './schemas.ts'"]],
  [pureFilesReadNothing, ['src/kernel/day.ts', 'const d = new Date(0)\nconst u = Date.UTC(2026, 0, 1)']],
  [reachesOtherModulesThroughTheirFront, ['src/modules/invoices/table.ts', "import { clients } from '../clients/table.ts'"]],
  [keepsTheLineOfModules, ['src/modules/webhooks/service.ts', "import type { Scope } from '../organizations/api-key.ts'"]],
  [knowsNothingAbove, ['src/jobs/dunning-sweep.ts', "import type { X } from '../modules/dunning/service.ts'"]],
  [
    writesTakeATx,
    ['src/modules/clients/repository.ts', 'function lock(r: Reader) { return r.run(`select 1 from clients for update`) }']
  ],
  [
    modulesWriteTheirOwnTables,
    ['src/modules/clients/repository.ts', 'const x = `insert into clients values ($1) on conflict do update set a = 1`']
  ],
  [
    modulesWriteTheirOwnTables,
    ['src/modules/invoices/repository.ts', 'const x = query("x", {}, () => build.update(invoices).set({}).from(clients))']
  ],
  [reachesOtherModulesThroughTheirFront, ['src/modules/invoices/repository.ts', "import { clients } from '../clients/table.ts'"]],
  [functionsStayShort, ['src/modules/clients/routes.ts', `function routes() {\napp.get('/', { schema: {\n${long(60)}\n} })\n}`]],
  [functionsStayShort, ['src/app.ts', `function build() {\nreturn {\na() {\n${long(40)}\n},\nb() {\n${long(40)}\n}\n}\n}`]]
]

for (const [rule, [path, text]] of innocents) {
  test(`${rule.name} lets pass in ${path}: ${text.slice(0, 60).split('\n')[0]}`, () => {
    expect(rule([parse(...table), parse(path, text)]).filter((finding) => finding.path === path)).toEqual([])
  })
}
