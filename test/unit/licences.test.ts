import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../docs/blocks.ts'

/** They may be used and passed on by a service under any licence. What else is demanded stands in NOTICE. */
const allowed = new Set([
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'BlueOak-1.0.0',
  '0BSD',
  'PSF-2.0',
  'Unlicense'
])
/** Other terms of a package, which were read. */
const read: Readonly<Record<string, string>> = { 'date-holidays': '(ISC AND CC-BY-3.0)' }
/** Another work inside a package that its own metadata does not tell of. */
const containing = ['@fastify/swagger-ui']

type Locked = Readonly<{ version: string; license?: string; dev?: boolean; devOptional?: boolean }>
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }
const used = Object.entries(lock.packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
const nameOf = (path: string) => path.split('node_modules/').at(-1) ?? ''
const notice = readFileSync(join(root, 'NOTICE'), 'utf8')
const isNamed = (name: string) => notice.split('\n').includes(name)

test('every package of the service has a licence that lets it be passed on', () => {
  expect(used.length).toBeGreaterThan(50)
  const others = used.filter(([path, { license = 'none' }]) => !allowed.has(license) && read[nameOf(path)] !== license)
  expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([])
})

/** By what lies in the package, because what its metadata says may be less, or another licence. */
function demandsToBeNamed(path: string): boolean {
  const folder = join(root, path)
  const files = existsSync(folder) ? readdirSync(folder) : []
  if (files.some((file) => /^notice/i.test(file))) return true
  const texts = files
    .filter((file) => /^(licen[cs]e|copying)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
  return texts.some((text) => /creativecommons\.org\/licenses|CC[ -]BY/i.test(text))
}

test('every package whose terms demand it is named in NOTICE', () => {
  const demanding = [...used.filter(([path]) => demandsToBeNamed(path)).map(([path]) => nameOf(path)), ...containing]
  expect(demanding).toContain('date-holidays')
  expect(demanding.filter((name) => !isNamed(name))).toEqual([])
})

test('the image has LICENSE and NOTICE', () => {
  const copied = readFileSync(join(root, 'Dockerfile'), 'utf8').split('\nFROM ').at(-1) ?? ''
  const context = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
  for (const file of ['LICENSE', 'NOTICE']) {
    expect(copied).toMatch(new RegExp(`^COPY .*\\b${file}\\b.* \\./$`, 'm'))
    expect(context).toContain(`!${file}`)
  }
})

test('npm run sbom lists every package of the service, and none that is for development alone', () => {
  type Bom = Readonly<{ components: readonly Readonly<{ name: string; version: string }>[] }>
  const { components } = JSON.parse(execFileSync(process.execPath, ['.ci/sbom.cjs'], { cwd: root, encoding: 'utf8' })) as Bom
  const wanted = used.map(([path, { version }]) => `${nameOf(path)}@${version}`)
  expect(components.map(({ name, version }) => `${name}@${version}`).sort()).toEqual([...new Set(wanted)].sort())
})
