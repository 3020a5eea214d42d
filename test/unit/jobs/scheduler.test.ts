import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { scheduleEvery } from '../../../src/jobs/scheduler.ts'

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-03-28T22:59:30Z') }))
afterEach(() => void vi.useRealTimers())

test('the sweep is woken at each full minute, in UTC, and no more after it is stopped', async () => {
  const at: string[] = []
  const task = scheduleEvery('* * * * *', { name: 'test', run: () => void at.push(new Date().toISOString().slice(11, 16)) })
  await vi.advanceTimersByTimeAsync(180_000)
  expect(at).toEqual(['23:00', '23:01', '23:02'])
  await task.stop()
  await vi.advanceTimersByTimeAsync(180_000)
  expect(at).toHaveLength(3)
})

test('an expression that is none is refused at the start, not at the minute', () => {
  expect(() => scheduleEvery('every minute', { name: 'test', run: () => {} })).toThrow('every minute is not a cron expression')
})
