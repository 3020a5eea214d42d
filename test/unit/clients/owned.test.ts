import { expect, test } from 'vitest'
import type { Tx } from '../../../src/db/client.ts'
import { versionWithClientLocked } from '../../../src/modules/clients/owned.ts'

test('the version that is answered is of after the lock: what another wrote while it was waited for is not missed', async () => {
  let version = 1
  const locked: string[] = []
  const lock = async (_: Tx, id: string) => {
    locked.push(id)
    version = 2
  }
  const versionForUpdate = versionWithClientLocked({ lock }, async () => ({ clientId: 'of the object', version }))
  expect(await versionForUpdate({} as Tx, 'the object')).toBe(2)
  expect(locked).toEqual(['of the object'])
})
