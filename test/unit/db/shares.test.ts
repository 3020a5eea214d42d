import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DatabaseUnavailable } from '../../../src/db/errors.ts'
import { JOBS, Shares } from '../../../src/db/shares.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const WAIT_MS = 5_000

/** Who has what, by letters: each request of `ask` is noted when it begins, and ends when `end` is called with its name. */
function tracker({ total, perOrganization }: { total: number; perOrganization: number }) {
  const shares = new Shares({ total, perOrganization, waitingMax: 20, waitMs: WAIT_MS, nowMs: () => Date.now() })
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const ask = (name: string, { isHeavy = false } = {}) =>
    shares.take({ holder: name.replace(/\d+$/, ''), isHeavy }).then((end) => {
      begun.push(name)
      ends.set(name, end)
    })
  const settle = () => vi.advanceTimersByTimeAsync(0)
  return {
    shares,
    ask,
    /** @returns what refused them, by name, as they are refused. */
    askAll: async (names: readonly string[], how = {}) => {
      const refused = new Map<string, unknown>()
      for (const name of names) ask(name, how).catch((error: unknown) => void refused.set(name, error))
      await settle()
      return refused
    },
    end: async (name: string) => {
      ends.get(name)?.()
      await settle()
    },
    taken: () => begun.splice(0)
  }
}

test('an organization that asks for more than its share waits for itself, and others begin at once', async () => {
  const { askAll, end, taken } = tracker({ total: 4, perOrganization: 2 })
  await askAll(['b1', 'a1', 'a2', 'a3', 'a4'])
  expect(taken()).toEqual(['b1', 'a1', 'a2'])
  await askAll(['b2'])
  expect(taken()).toEqual(['b2'])
  await end('b2')
  expect(taken()).toEqual([])
  await end('a1')
  expect(taken()).toEqual(['a3'])
})

test('an organization that is alone has all connections but one, and leaves them to the first that comes', async () => {
  const { askAll, end, taken } = tracker({ total: 4, perOrganization: 2 })
  await askAll(['a1', 'a2', 'a3', 'a4', 'a5'])
  expect(taken()).toEqual(['a1', 'a2', 'a3'])
  await askAll(['b1', 'b2'])
  expect(taken()).toEqual(['b1'])
  await end('a1')
  expect(taken()).toEqual(['b2'])
  await end('a2')
  expect(taken()).toEqual(['a4'])
})

test('what becomes free goes to who has least, and in turn where all have the same', async () => {
  const { askAll, end, taken } = tracker({ total: 3, perOrganization: 2 })
  await askAll(['a1', 'a2', 'b1', 'a3', 'b2', 'c1', 'd1'])
  expect(taken()).toEqual(['a1', 'a2', 'b1'])
  const turns: string[] = []
  for (const name of ['a1', 'a2', 'b1', 'c1', 'd1']) {
    await end(name)
    turns.push(...taken())
  }
  expect(turns.toSorted()).toEqual(['a3', 'b2', 'c1', 'd1'])
  expect(turns[0]).toBe('c1')
})

test('of many that always want more than there is, nobody waits longer than a round', async () => {
  const { askAll, end, taken } = tracker({ total: 2, perOrganization: 1 })
  const names = ['a', 'b', 'c', 'd', 'e']
  const next = new Map(names.map((name) => [name, 2]))
  await askAll(names.flatMap((name) => [`${name}1`, `${name}2`]))
  const running = taken()
  const served: string[] = []
  for (let turn = 0; turn < 20; turn++) {
    const done = running.shift() ?? ''
    await end(done)
    const begun = taken()
    served.push(...begun)
    running.push(...begun)
    const holder = done.charAt(0)
    next.set(holder, (next.get(holder) ?? 0) + 1)
    await askAll([`${holder}${next.get(holder)}`])
  }
  const counts = names.map((name) => served.filter((one) => one.startsWith(name)).length)
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
})

test('who has too many waiting, or waits too long for its own, is refused as too fast; who waits for others, as unavailable', async () => {
  const { askAll, taken } = tracker({ total: 2, perOrganization: 1 })
  const names = Array.from({ length: 22 }, (_, n) => `a${n}`)
  const refused = await askAll(names)
  expect([...refused.keys()]).toEqual(['a21'])
  expect(refused.get('a21')).toMatchObject({ code: 'rate_limited' })
  await askAll(['b1'])
  const others = await askAll(['c1'])
  expect(taken()).toEqual(['a0', 'b1'])
  await vi.advanceTimersByTimeAsync(WAIT_MS)
  expect(refused.get('a1')).toMatchObject({ code: 'rate_limited' })
  expect(others.get('c1')).toBeInstanceOf(DatabaseUnavailable)
})

test('beside others an organization writes one batch at a time, and its other requests pass it; alone it has its whole share', async () => {
  const { askAll, end, taken } = tracker({ total: 8, perOrganization: 5 })
  await askAll(['b1'])
  await askAll(['a1', 'a2', 'a3'], { isHeavy: true })
  await askAll(['a4'])
  expect(taken()).toEqual(['b1', 'a1', 'a4'])
  await end('a1')
  expect(taken()).toEqual(['a2'])
  await end('b1')
  await end('a2')
  await vi.advanceTimersByTimeAsync(61_000)
  taken()
  await askAll(['a5', 'a6', 'a7'], { isHeavy: true })
  expect(taken()).toEqual(['a5', 'a6', 'a7'])
})

test('jobs have what nobody else wants, and no organization keeps them from the others', async () => {
  const { askAll, end, taken } = tracker({ total: 4, perOrganization: 2 })
  await askAll([`${JOBS}1`, `${JOBS}2`, `${JOBS}3`, `${JOBS}4`, `${JOBS}5`])
  expect(taken()).toEqual(['jobs1', 'jobs2', 'jobs3', 'jobs4'])
  await askAll(['a1', 'a2', 'a3'])
  for (const name of ['jobs1', 'jobs2', 'jobs3']) await end(name)
  expect(taken()).toEqual(['a1', 'a2', 'jobs5'])
})

test('an organization whose limit the operator has set has as many connections beside others, until it is taken back', async () => {
  const { shares, askAll, end, taken } = tracker({ total: 6, perOrganization: 2 })
  shares.limit('a', 1)
  shares.limit('c', 3)
  await askAll(['b1', 'a1', 'a2', 'c1', 'c2', 'c3', 'c4'])
  expect(taken()).toEqual(['b1', 'a1', 'c1', 'c2', 'c3'])
  shares.limit('a', null)
  await end('c3')
  expect(taken()).toEqual(['a2'])
})
