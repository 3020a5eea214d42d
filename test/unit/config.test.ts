import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseUrlOf, loadConfig, type secretSettings } from '../../src/config.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dunwell-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const given = {
  DATABASE_URL: 'postgres://owner:secret@db.example.com/dunwell',
  DUNWELL_OPERATOR_TOKEN: 'an-operator-token-of-some-length',
  DUNWELL_SECRET_KEY: '5a'.repeat(32),
  DUNWELL_OTHER_SECRET_KEYS: 'a5'.repeat(32),
  DUNWELL_METRICS_TOKEN: 'a-token-for-metrics'
} satisfies Record<(typeof secretSettings)[number], string>

function filed(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

test('every secret may be in a file, as platforms mount them, with a newline at its end', () => {
  const files = Object.entries(given).map(([name, value]) => [`${name}_FILE`, filed(name, `${value}\n`)])
  expect(loadConfig(Object.fromEntries(files))).toEqual(loadConfig(given))
  expect(databaseUrlOf(Object.fromEntries(files))).toBe(given.DATABASE_URL)
})

test('a file that is missing, empty, or beside its variable is told by name, and no secret is', () => {
  const wrong = {
    ...given,
    DUNWELL_SECRET_KEY: '',
    DUNWELL_SECRET_KEY_FILE: join(folder, 'nowhere'),
    DUNWELL_METRICS_TOKEN: '',
    DUNWELL_METRICS_TOKEN_FILE: filed('empty', '\n'),
    DATABASE_URL_FILE: filed('url', given.DATABASE_URL),
    DUNWELL_ROLES_FILE: filed('roles', 'all')
  }
  const load = () => loadConfig(wrong)
  for (const name of [
    'DUNWELL_SECRET_KEY_FILE: ENOENT',
    'DUNWELL_METRICS_TOKEN_FILE',
    'DATABASE_URL: is given twice',
    'DUNWELL_ROLES_FILE'
  ])
    expect(load).toThrow(name)
  expect(load).not.toThrow(given.DATABASE_URL)
})
