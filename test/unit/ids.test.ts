import { expect, test } from 'vitest'
import { newId, uuidV7 } from '../../src/ids.ts'

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('the example of RFC 9562, appendix A.6, comes out of our own layout', () => {
  const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex')
  expect(uuidV7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
})

test('ids are version 7, unlike each other, and sort by the millisecond they were made in', () => {
  const ids = Array.from({ length: 1000 }, newId)
  expect(ids.filter((id) => !pattern.test(id))).toEqual([])
  expect(new Set(ids).size).toBe(1000)
  const instants = ids.map((id) => Number.parseInt(id.replace('-', '').slice(0, 12), 16))
  expect(instants).toEqual(instants.toSorted((a, b) => a - b))
  expect(Math.abs(Date.now() - (instants[0] ?? 0))).toBeLessThan(60_000)
})
