import { describe, expect, test } from 'vitest'
import { DeliveryAhead, type Ready } from '../../../src/jobs/delivery-ahead.ts'

const SLOTS = 8

function create() {
  const clock = { ms: 1_000 }
  const ahead = new DeliveryAhead(SLOTS, () => clock.ms)
  return { ahead, clock }
}

function ready(endpointId: string, deliveryId: string): Ready {
  // Only these two fields are looked at.
  return { orgId: 'o', assignment: { endpoint: { id: endpointId }, claimed: { deliveryId } }, startBy: 0 } as Ready
}

const taken = (one: Ready | undefined) => one?.assignment.claimed.deliveryId

describe('how much is claimed ahead', () => {
  test('is four times the slots before anything is known', () => {
    expect(create().ahead.target).toBe(4 * SLOTS)
  })

  test('is nothing for a second after a failure, but for what succeeds meanwhile', () => {
    const { ahead, clock } = create()
    ahead.count(false)
    expect(ahead.target).toBe(0)
    for (let n = 0; n < 3; n++) ahead.count(true)
    expect(ahead.target).toBe(3)
    clock.ms += 1_001
    expect(ahead.target).toBe(4 * SLOTS)
  })

  test('is what ended in the last 100 ms or so', () => {
    const { ahead, clock } = create()
    ahead.count(false)
    for (let n = 0; n < 100; n++) {
      clock.ms += 10
      ahead.count(true)
      if (n === 50) ahead.count(false)
    }
    expect(ahead.target).toBeGreaterThanOrEqual(9)
    expect(ahead.target).toBeLessThanOrEqual(11)
  })

  test('is sixteen times the slots at most', () => {
    const { ahead } = create()
    for (let n = 0; n < 1_000; n++) ahead.count(true)
    expect(ahead.target).toBe(16 * SLOTS)
  })

  test('is no more than that again once answers stay away', () => {
    const { ahead, clock } = create()
    for (let n = 0; n < 1_000; n++) ahead.count(true)
    clock.ms += 800
    expect(ahead.target).toBe(4 * SLOTS)
  })
})

describe('what is taken', () => {
  test('is the first, unless its endpoint is passed over', () => {
    const { ahead } = create()
    ahead.add([ready('slow', '1'), ready('quick', '2'), ready('slow', '3')])
    expect(ahead.countOf(new Set(['slow']))).toBe(2)
    expect(taken(ahead.take(new Set(['slow'])))).toBe('2')
    expect(taken(ahead.take(new Set(['slow'])))).toBeUndefined()
    expect(taken(ahead.take(new Set()))).toBe('1')
    expect(ahead.waiting).toBe(1)
  })
})
