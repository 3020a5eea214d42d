import { expect, test } from 'vitest'
import { externalRefsOf, inOrder, refuseRepeated } from '../../../src/modules/references/reference.ts'

test('references stand in one order, by code units of source, then id', () => {
  const refs = [
    { source: 'b', id: '1' },
    { source: 'a', id: '2' },
    { source: 'B', id: '1' },
    { source: 'a', id: '10' }
  ]
  expect(inOrder(refs).map(({ source, id }) => source + id)).toEqual(['B1', 'a10', 'a2', 'b1'])
})

test('a reference that comes twice is refused by its second place; parts that only look alike are not', () => {
  const alike = [
    { source: 'a', id: 'b,c' },
    { source: 'a,b', id: 'c' }
  ]
  expect(() => refuseRepeated(alike)).not.toThrow()
  expect(() => refuseRepeated([...alike, { source: 'a', id: 'b,c' }])).toThrow(
    expect.objectContaining({ code: 'invalid_request', pointer: '/external_refs/2' })
  )
})

test("the fragment reads the row's own references in the row's own organization", () => {
  expect(externalRefsOf('inv.id')).toContain('x.org_id = inv.org_id and x.object_id = inv.id')
})
