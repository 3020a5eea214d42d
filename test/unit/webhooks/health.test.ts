import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterFailure,
  afterSuccess,
  type Health,
  roomFor,
  standardCircuit,
  unblemished,
  verdictOf
} from '../../../src/modules/webhooks/health.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const start = new Date('2026-11-21T12:00:00Z')
const later = (from: Date, ms: number) => new Date(from.getTime() + ms)
const maxInFlight = 8

function failTimes(times: number, health: Health, now = start): Health {
  return Array.from({ length: times }).reduce<Health>((state) => afterFailure(state, { now, random: 0 }), health)
}

function openedAt(health: Health): Date {
  if (health.openUntil === null) return expect.unreachable('The circuit should be open.')
  return health.openUntil
}

describe('a failing endpoint', () => {
  it('is left alone for 30 s after five failures in a row, not after four', () => {
    const four = failTimes(4, unblemished)
    expect(roomFor(four, { now: start, maxInFlight })).toBe(maxInFlight)
    const five = failTimes(1, four)
    expect(five).toEqual({ consecutiveFailures: 5, opens: 1, openUntil: later(start, 30 * SECOND), slowStartLimit: null })
    expect(roomFor(five, { now: later(start, 30 * SECOND - 1), maxInFlight })).toBe(0)
  })

  it('that answers once in five attempts keeps its circuit closed', () => {
    const health = afterSuccess(failTimes(4, unblemished), { maxInFlight })
    expect(failTimes(4, health).openUntil).toBeNull()
  })

  it('gets exactly one probe when its pause is over', () => {
    const open = failTimes(5, unblemished)
    expect(roomFor(open, { now: openedAt(open), maxInFlight })).toBe(1)
  })

  it('that fails each probe is paused twice as long each time, up to 15 min', () => {
    let health = failTimes(5, unblemished)
    let now = start
    const pausesMs: number[] = []
    for (let n = 0; n < 8; n += 1) {
      pausesMs.push(openedAt(health).getTime() - now.getTime())
      now = openedAt(health)
      health = afterFailure(health, { now, random: 0 })
    }
    const minutes = [0.5, 1, 2, 4, 8, 15, 15, 15]
    expect(pausesMs).toEqual(minutes.map((n) => n * MINUTE))
  })

  it('whose many attempts in flight fail together is paused once, not once for each', () => {
    expect(openedAt(failTimes(40, unblemished))).toEqual(later(start, 30 * SECOND))
    expect(failTimes(40, unblemished).opens).toBe(1)
  })

  it('is not probed at the same moment as all the others that failed with it', () => {
    const pauses = [0, 0.25, 0.5, 0.75].map((random) => {
      const four = failTimes(4, unblemished)
      return openedAt(afterFailure(four, { now: start, random })).getTime() - start.getTime()
    })
    expect(pauses).toEqual([30, 31.5, 33, 34.5].map((s) => s * SECOND))
  })
})

describe('an endpoint that comes back', () => {
  const probed = afterSuccess(failTimes(5, unblemished), { maxInFlight })

  it('is not flooded: 1, 2, 4 … in flight, doubling with each round', () => {
    const limits: number[] = []
    let health = probed
    for (let round = 0; round < 4; round += 1) {
      const room = roomFor(health, { now: start, maxInFlight })
      limits.push(room)
      for (let n = 0; n < room; n += 1) health = afterSuccess(health, { maxInFlight })
    }
    expect(limits).toEqual([1, 2, 4, 8])
    expect(health).toEqual(unblemished)
  })

  it('and fails again before it has proved itself is paused longer', () => {
    const again = failTimes(5, afterSuccess(probed, { maxInFlight }))
    expect(openedAt(again)).toEqual(later(start, 60 * SECOND))
  })

  it('and stumbles once begins its slow start again', () => {
    const stumbled = failTimes(1, { ...probed, slowStartLimit: 4 })
    expect(stumbled.slowStartLimit).toBe(1)
    expect(stumbled.openUntil).toBeNull()
  })

  it('with a limit of one in flight is sound again after the probe', () => {
    expect(afterSuccess(failTimes(5, unblemished), { maxInFlight: 1 })).toEqual(unblemished)
  })

  it('is believed when a straggler from before the opening succeeds', () => {
    const open = failTimes(5, unblemished)
    expect(roomFor(open, { now: start, maxInFlight })).toBe(0)
    expect(roomFor(afterSuccess(open, { maxInFlight }), { now: start, maxInFlight })).toBe(1)
  })
})

it('a sound endpoint that answers is not written again', () => {
  expect(afterSuccess(unblemished, { maxInFlight })).toBe(unblemished)
})

it('whatever happens, room stays within bounds, every pause ends, and successes always lead back to full speed', () => {
  const event = fc.record({
    succeeds: fc.boolean(),
    waitMs: fc.nat({ max: 20 * MINUTE }),
    random: fc.double({ min: 0, max: 0.999, noNaN: true })
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.integer({ min: 1, max: 64 }), (events, limit) => {
      let health: Health = unblemished
      let now = start
      for (const { succeeds, waitMs, random } of events) {
        now = later(now, waitMs)
        health = succeeds ? afterSuccess(health, { maxInFlight: limit }) : afterFailure(health, { now, random })
        const room = roomFor(health, { now, maxInFlight: limit })
        expect(room).toBeGreaterThanOrEqual(0)
        expect(room).toBeLessThanOrEqual(limit)
        const longestMs = standardCircuit.pauseMaxMs * (1 + standardCircuit.jitterShare)
        expect(roomFor(health, { now: later(now, longestMs), maxInFlight: limit })).toBeGreaterThanOrEqual(1)
      }
      for (let n = 0; n <= limit; n += 1) health = afterSuccess(health, { maxInFlight: limit })
      expect(health).toEqual(unblemished)
    })
  )
})

it.each([
  [{ kind: 'response', status: 200 }, 'succeeded'],
  [{ kind: 'response', status: 299 }, 'succeeded'],
  [{ kind: 'response', status: 302 }, 'failed'],
  [{ kind: 'response', status: 404 }, 'failed'],
  [{ kind: 'response', status: 410 }, 'gone'],
  [{ kind: 'response', status: 413 }, 'too_large'],
  [{ kind: 'response', status: 503 }, 'failed'],
  [{ kind: 'error', reason: 'timeout' }, 'failed'],
  [{ kind: 'error', reason: 'refused_address' }, 'failed'],
  [{ kind: 'error', reason: 'aborted' }, 'interrupted']
] as const)('the outcome %j counts as %s', (outcome, verdict) => {
  expect(verdictOf(outcome)).toBe(verdict)
})
