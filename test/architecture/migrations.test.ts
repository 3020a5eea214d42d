import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import config from '../../drizzle/drizzle.config.ts'
import { root } from './sources.ts'

test('the tables in the code and the migrations say the same, so npm run db:generate would have nothing to add', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'dunwell-drift-'))
  try {
    await cp(join(root, 'drizzle'), copy, { recursive: true })
    const before = await readdir(copy)
    const out = relative(root, copy)
    const flags = [
      '--dialect',
      config.dialect,
      '--schema',
      String(config.schema),
      '--out',
      out,
      '--casing',
      config.casing ?? 'camelCase'
    ]
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(root, 'node_modules/drizzle-kit/bin.cjs'), 'generate', ...flags],
      {
        cwd: root,
        timeout: 15_000
      }
    )
    const added = (await readdir(copy)).filter((name) => !before.includes(name))
    expect(added, `drizzle-kit would add a migration: run npm run db:generate and commit it.\n${stdout}`).toEqual([])
    expect(stdout).toContain('No schema changes')
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
})
