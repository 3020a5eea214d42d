import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLoop, type Log } from '../../../src/jobs/loop.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const silent: Log = { info: () => {}, warn: () => {}, error: () => {} }

/** A job that counts its runs and ends each when it is told to. */
function counted() {
  const state = { runs: 0, atOnce: 0, mostAtOnce: 0 }
  const ends: (() => void)[] = []
  const run = async () => {
    state.runs += 1
    state.atOnce += 1
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce)
    await new Promise<void>((resolve) => ends.push(resolve))
    state.atOnce -= 1
  }
  const end = async () => {
    ends.shift()?.()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { state, run, end }
}

test('a job runs at once at boot, and again after each rest', async () => {
  let runs = 0
  const loop = createLoop({
    name: 'job',
    everyMs: 1000,
    log: silent,
    run: async () => {
      runs += 1
    }
  })
  await vi.advanceTimersByTimeAsync(0)
  expect(runs).toBe(1)
  await vi.advanceTimersByTimeAsync(3500)
  expect(runs).toBe(4)
  await loop.stop()
})

test('a job without an interval rests until it is woken', async () => {
  let runs = 0
  const loop = createLoop({
    name: 'job',
    everyMs: null,
    log: silent,
    run: async () => {
      runs += 1
    }
  })
  await vi.advanceTimersByTimeAsync(86_400_000)
  expect(runs).toBe(1)
  loop.wake()
  await vi.advanceTimersByTimeAsync(0)
  expect(runs).toBe(2)
  await loop.stop()
})

test('woken while it runs, a job runs once more afterwards, and never twice at a time', async () => {
  const { state, run, end } = counted()
  const loop = createLoop({ name: 'job', everyMs: null, log: silent, run })
  loop.wake()
  loop.wake()
  expect(state.runs).toBe(1)
  await end()
  expect(state.runs).toBe(2)
  await end()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(state).toMatchObject({ runs: 2, mostAtOnce: 1 })
  await loop.stop()
})

test('an error is logged and tried again after seconds, and does not end the process', async () => {
  const logged: object[] = []
  let runs = 0
  const run = async () => {
    runs += 1
    if (runs < 3) throw new Error(`away ${runs}`)
  }
  const loop = createLoop({
    name: 'sweep',
    everyMs: null,
    log: { ...silent, error: (details) => void logged.push(details) },
    run
  })
  await vi.advanceTimersByTimeAsync(0)
  expect(runs).toBe(1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(runs).toBe(3)
  expect(logged).toEqual([
    { err: new Error('away 1'), job: 'sweep' },
    { err: new Error('away 2'), job: 'sweep' }
  ])
  await loop.stop()
})

test('stopping tells the running job, waits for its end, and lets no further run begin', async () => {
  const { state, run, end } = counted()
  let told: AbortSignal | undefined
  const loop = createLoop({
    ...{ name: 'job', everyMs: 10, log: silent },
    run: (signal) => {
      told = signal
      return run()
    }
  })
  let stopped = false
  const stopping = loop.stop().then(() => {
    stopped = true
  })
  await vi.advanceTimersByTimeAsync(1000)
  expect([told?.aborted, stopped]).toEqual([true, false])
  await end()
  await stopping
  loop.wake()
  await vi.advanceTimersByTimeAsync(1000)
  expect(state.runs).toBe(1)
})
