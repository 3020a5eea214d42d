import fc from 'fast-check'
import { expect, test } from 'vitest'
import { creditableMinor, creditShares } from '../../../src/modules/credit-notes/credit-note.ts'

const part = (id: string, balanceMinor: bigint, settledMinor: bigint) => ({ obligationId: id, balanceMinor, settledMinor })

test('what is open is credited first, oldest due first, and of what is settled the latest due', () => {
  const parts = [part('first', 0n, 20n), part('second', 10n, 20n), part('third', 30n, 10n)]
  expect(creditShares(15n, parts)).toEqual([
    { obligationId: 'second', amountMinor: 10n, releasedMinor: 0n },
    { obligationId: 'third', amountMinor: 5n, releasedMinor: 0n }
  ])
  expect(creditShares(65n, parts)).toEqual([
    { obligationId: 'second', amountMinor: 25n, releasedMinor: 15n },
    { obligationId: 'third', amountMinor: 40n, releasedMinor: 10n }
  ])
})

test('whatever is creditable is credited exactly, and no part of it more than it has', () => {
  const minor = fc.bigInt({ min: 0n, max: 1_000n })
  const parts = fc.array(fc.tuple(minor, minor), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(parts, minor, (rows, wanted) => {
      const all = rows.map(([balance, settled], index) => part(String(index), balance, settled))
      const most = creditableMinor(all)
      const amount = wanted < most ? wanted : most
      const shares = creditShares(amount, all)
      expect(shares.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(amount)
      for (const { obligationId, amountMinor, releasedMinor } of shares) {
        const { balanceMinor, settledMinor } = all[Number(obligationId)] ?? part('', 0n, 0n)
        expect(releasedMinor >= 0n && releasedMinor <= settledMinor && amountMinor - releasedMinor <= balanceMinor).toBe(true)
      }
      const released = shares.some(({ releasedMinor }) => releasedMinor > 0n)
      const left = all.some(({ obligationId, balanceMinor }) => {
        const share = shares.find((one) => one.obligationId === obligationId)
        return balanceMinor > (share === undefined ? 0n : share.amountMinor - share.releasedMinor)
      })
      expect(released && left).toBe(false)
    })
  )
})
