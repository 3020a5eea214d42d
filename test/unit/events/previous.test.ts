import { expect, test } from 'vitest'
import { previousOf } from '../../../src/modules/events/previous.ts'

test('only what changed is told, with its former value, and never the version', () => {
  const before = { version: 1, updated_at: 'a', name: 'A', tags: ['x'], limit: null, same: { deep: 1 } }
  const after = { version: 2, updated_at: 'b', name: 'A', tags: ['y'], limit: { amount: '1' }, same: { deep: 1 } }
  expect(previousOf<object>(before, after)).toEqual({ tags: ['x'], limit: null })
  expect(previousOf(before, { ...before, version: 3, updated_at: 'c' })).toEqual({})
})
