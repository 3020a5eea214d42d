import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findDistribution } from '../../src/db/embedded-host.ts'
import { root } from '../docs/blocks.ts'
import { freshDatabase } from '../support/database.ts'
import { complete } from '../support/processes.ts'

// Each starts a process, and one the compiler.
vi.setConfig({ testTimeout: 180_000 })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dunwell-packaging-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const key = { DUNWELL_SECRET_KEY: '5a'.repeat(32) }

test('npm scripts on a Node that is too old say what they need and how to get it, also where npm runs no scripts of packages', async () => {
  const path = join(folder, 'old')
  await mkdir(path)
  await writeFile(join(path, 'node'), '#!/bin/sh\necho v20.19.4\n')
  await chmod(join(path, 'node'), 0o755)
  const { code, output } = await complete(`${process.execPath} .ci/install.cjs --omit=dev`, {
    PATH: `${path}:${process.env['PATH'] ?? ''}`
  })
  expect(code).toBe(1)
  expect(output).toContain('Dunwell needs Node 24 or later, and the node that would run it is v20.19.4.')
  expect(output).toContain('npm rebuild --ignore-scripts=false')
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  for (const name of [
    'start',
    'demo',
    'migrate',
    'verify',
    'key',
    'org',
    'reseal',
    'backup-check',
    'test',
    'evaluate',
    'consumer'
  ])
    expect([name, scripts[name]]).toEqual([name, expect.stringMatching(/^node \.ci\/install\.cjs (--omit=dev )?&& /)])
  expect(Object.keys(scripts).filter((name) => /^(pre|post)/.test(name))).toEqual([])
})

test('what was built runs anywhere with its packages, and finds its migrations beside it', async () => {
  const dist = join(folder, 'package/dist')
  expect(await complete(`${process.execPath} .ci/build.cjs ${dist}`)).toEqual({ code: 0, output: '' })
  expect(await readdir(dist)).toEqual(expect.arrayContaining(['LICENSE', 'NOTICE']))
  await cp(join(root, 'package.json'), join(folder, 'package/package.json'))
  await symlink(join(root, 'node_modules'), join(folder, 'package/node_modules'))
  await using fresh = await freshDatabase()
  const environment = { ...key, DATABASE_URL: fresh.url }
  const migrated = await complete(`cd ${folder} && ${process.execPath} ${dist}/cli.js migrate`, environment)
  expect(migrated).toEqual({ code: 0, output: 'The schema is up to date.\n' })
})

test('a database that gives no connection at the start is named with host, port, setting and reason', async () => {
  const tell = async (url: string) => complete(`${process.execPath} src/cli.ts migrate`, { ...key, DATABASE_URL: url })
  expect(await tell('postgres://user:secret@127.0.0.1:1/x')).toEqual({
    code: 1,
    output: 'The database at 127.0.0.1:1 (DATABASE_URL) gives no connection: connect ECONNREFUSED 127.0.0.1:1\n'
  })
  const { output } = await tell('postgres://user:secret@nowhere.invalid/x')
  expect(output).toMatch(/^The database at nowhere\.invalid:5432 \(DATABASE_URL\) gives no connection: .*nowhere\.invalid/)
  expect(output).not.toContain('secret')
  await using fresh = await freshDatabase()
  const wrong = new URL(fresh.url)
  wrong.password = 'wrong'
  expect((await tell(wrong.href)).output).toMatch(/\(DATABASE_URL\) gives no connection: password authentication failed/)
  const there = { ...key, DATABASE_URL: 'postgres://127.0.0.1:1/x', DUNWELL_MIGRATE_ON_START: 'false' }
  expect((await complete(`${process.execPath} src/cli.ts serve`, there)).output).toContain('at 127.0.0.1:1 (DATABASE_URL)')
})

test('where there is no PostgreSQL for development, and nowhere to write, the demo says what it needs', async () => {
  await expect(findDistribution('no-such-package')).rejects.toThrow('the demo starts one of its own: run npm run demo in a clone')
  const file = join(folder, 'no-directory')
  await writeFile(file, '')
  const { code, output } = await complete(`${process.execPath} src/cli.ts demo`, { TMPDIR: file })
  expect(code).toBe(1)
  expect(output).toContain('set TMPDIR')
})
