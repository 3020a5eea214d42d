import { expect, test } from 'vitest'
import { BoundedMap } from '../../../src/kernel/bounded-map.ts'

test('once it is full, the oldest goes for a new one, and what is there is replaced in its place', () => {
  const map = new BoundedMap<string, number>(2)
  map.set('a', 1).set('b', 2).set('a', 3)
  expect([...map]).toEqual([
    ['a', 3],
    ['b', 2]
  ])
  map.set('c', 4)
  expect([...map]).toEqual([
    ['b', 2],
    ['c', 4]
  ])
})

test('what is asked for is made once, and again after it went', () => {
  const map = new BoundedMap<number, string>(1)
  const made: number[] = []
  const make = (key: number) => {
    made.push(key)
    return `${key}`
  }
  expect([map.getOrMake(1, make), map.getOrMake(1, make), map.getOrMake(2, make), map.getOrMake(1, make)]).toEqual([
    '1',
    '1',
    '2',
    '1'
  ])
  expect(made).toEqual([1, 2, 1])
})
