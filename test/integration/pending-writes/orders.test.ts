import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { lineOf, reallocate, send, stateOf, type Write, writeSets } from '../../support/by-ref-sets.ts'
import { type Ledger, startDunning } from '../../support/dunning.ts'

const { newLedger, close } = await startDunning()
afterAll(close)

const CALLERS = 8

async function sentInOrder(writes: readonly Write[]): Promise<Ledger> {
  const ledger = await newLedger()
  for (const write of writes) await send(ledger, write)
  return ledger
}

/** Each caller sends what is next, beside the others. */
async function sentAtOnce(writes: readonly Write[]): Promise<Ledger> {
  const ledger = await newLedger()
  const left = [...writes]
  const caller = async () => {
    for (let write = left.shift(); write !== undefined; write = left.shift()) await send(ledger, write)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return ledger
}

/** A set in two orders. */
const twice = (writes: fc.Arbitrary<readonly Write[]>) =>
  writes.chain((all) => {
    const order = () => fc.shuffledSubarray([...all], { minLength: all.length })
    return fc.record({ one: order(), other: order() })
  })
const linesOf = ({ one, other }: { one: readonly Write[]; other: readonly Write[] }) =>
  [...one.map(lineOf), '—', ...other.map(lineOf)].join('\n')
async function expectSame(one: Ledger, other: Ledger, orders: { one: readonly Write[]; other: readonly Write[] }) {
  const [a, b] = [await stateOf(one, orders.one), await stateOf(other, orders.other)]
  expect(b, linesOf(orders)).toEqual(a)
}
const within = (ms: number, numRuns: number) => ({ numRuns, interruptAfterTimeLimit: ms })

test('writes by reference end in the same state in whatever order they come, and however often', {
  timeout: 60_000
}, async () => {
  const property = fc.asyncProperty(twice(writeSets()), async (orders) => {
    const [a, b] = [await sentInOrder(orders.one), await sentInOrder(orders.other)]
    await expectSame(a, b, orders)
  })
  await fc.assert(property, within(8_000, 20))
})

test('what nobody named ends in the same state once it is reallocated', { timeout: 60_000 }, async () => {
  const property = fc.asyncProperty(twice(writeSets({ restMax: 9 })), async (orders) => {
    const [one, other] = [await sentInOrder(orders.one), await sentInOrder(orders.other)]
    for (const ledger of [one, other]) await reallocate(ledger)
    await expectSame(one, other, orders)
  })
  await fc.assert(property, within(6_000, 10))
})

test('money that is announced, comes or fails ends in the same state, with what it holds and when its invoices are next dunned', {
  timeout: 60_000
}, async () => {
  const property = fc.asyncProperty(twice(writeSets({ isAnnounced: true })), async (orders) => {
    const [a, b] = [await sentInOrder(orders.one), await sentInOrder(orders.other)]
    await expectSame(a, b, orders)
  })
  await fc.assert(property, within(12_000, 30))
})

test('eight callers at once end in the state of one, and none of them is refused', { timeout: 60_000 }, async () => {
  const property = fc.asyncProperty(twice(writeSets({ isAnnounced: true })), async (orders) => {
    const [one, other] = [await sentInOrder(orders.one), await sentAtOnce(orders.other)]
    await expectSame(one, other, orders)
  })
  await fc.assert(property, within(6_000, 8))
})
