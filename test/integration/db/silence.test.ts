import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createDatabase } from '../../../src/db/client.ts'
import { DatabaseUnavailable } from '../../../src/db/errors.ts'
import { statement } from '../../../src/db/statement.ts'
import { cableTo } from '../../support/cable.ts'
import { freshDatabase } from '../../support/database.ts'
import { startProcess } from '../../support/webhooks.ts'

const ORGANIZATION = '00000000-0000-0000-0000-000000000001'
const one = statement<{ one: number }>('test.one_thing', 'select 1 as one')

test('a connection that owes an answer for too long is given up, and the next is a new one; one that only thinks is left', async () => {
  await using fresh = await freshDatabase()
  const { cable, url } = await cableTo(fresh.url)
  const database = createDatabase({ url, connections: 1, lockTimeoutMs: 50 })
  const ask = () => database.scoped(ORGANIZATION, (tx) => tx.run(one, []), { isSmall: true })
  expect(await ask()).toEqual([{ one: 1 }])
  cable.stall()
  const startedAt = performance.now()
  await expect(ask()).rejects.toThrow(DatabaseUnavailable)
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  cable.mend()
  expect(await ask()).toEqual([{ one: 1 }])
  const thinking = database.scoped(
    ORGANIZATION,
    async (tx) => {
      await tx.run(one, [])
      await pause(6_000)
      return tx.run(one, [])
    },
    { isSmall: true }
  )
  expect(await thinking).toEqual([{ one: 1 }])
  await database.close()
  await cable[Symbol.asyncDispose]()
})

test('a database that takes the connection and says nothing is named by the start, with the variable', async () => {
  await using fresh = await freshDatabase()
  const { cable, url } = await cableTo(fresh.url)
  cable.stall()
  const starting = startProcess(url, { roles: 'api' })
  await expect(starting).rejects.toThrow(
    `The database at 127.0.0.1:${cable.port} (DATABASE_URL) gives no connection: timeout expired`
  )
  await cable[Symbol.asyncDispose]()
})
