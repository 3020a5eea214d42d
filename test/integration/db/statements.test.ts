import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { statements } from '../../../src/db/statement.ts'
import { freshDatabase } from '../../support/database.ts'

const source = join(import.meta.dirname, '../../../src')
const database = await freshDatabase()
const client = new pg.Client({ connectionString: database.url })

beforeAll(async () => {
  await client.connect()
  for await (const file of glob('{client-standing,{checks,db,jobs,modules}/**/*}.ts', { cwd: source }))
    await import(join(source, file))
})
afterAll(async () => {
  await client.end()
  await database.dispose()
})

/** What ends and begins transactions names no table, and PREPARE takes none of it. */
const isOfTables = (text: string) => !/^(begin|commit|rollback|savepoint|release)\b/.test(text)

test('every statement is one that the migrated schema takes', async () => {
  const refused: string[] = []
  const asked = statements().filter(({ text }) => isOfTables(text))
  for (const { name, text } of asked) {
    await client.query(`prepare "${name}" as ${text}`).catch((error: Error) => refused.push(`${name}: ${error.message}\n${text}`))
  }
  expect(refused).toEqual([])
  expect(asked.length).toBeGreaterThan(300)
})
