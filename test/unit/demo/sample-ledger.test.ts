import { describe, expect, it } from 'vitest'
import { sampleClients } from '../../../src/demo/sample-clients.ts'
import { sampleLedger } from '../../../src/demo/sample-ledger.ts'
import { daysBetween, isTimeZone } from '../../../src/kernel/day.ts'
import { formatAmount, parseAmount } from '../../../src/kernel/money.ts'

const rows = sampleLedger()
const habitOf = new Map(sampleClients.map((client) => [client.code, client.habit]))

function ofHabit(habit: string) {
  return rows.filter((row) => habitOf.get(row.client) === habit)
}

function paidMinor(row: (typeof rows)[number]): bigint {
  return row.payments.reduce((sum, payment) => sum + payment.amountMinor, 0n)
}

describe('the sample ledger', () => {
  it('is the same on every run and another for another seed', () => {
    expect(sampleLedger()).toEqual(rows)
    expect(sampleLedger({ seed: 2 })).not.toEqual(rows)
  })

  it('has about a thousand invoices of about fifty clients over about twelve months', () => {
    expect(rows.length).toBeGreaterThan(950)
    expect(rows.length).toBeLessThan(1_150)
    expect(new Set(rows.map((row) => row.client)).size).toBe(sampleClients.length)
    const days = rows.map((row) => row.issuedOn).sort()
    expect(daysBetween(days[0] ?? rows[0]?.issuedOn ?? expect.fail(), days.at(-1) ?? expect.fail())).toBeGreaterThan(355)
    expect(days).toEqual(rows.map((row) => row.issuedOn))
  })

  it('speaks four languages in eight zones and eight currencies', () => {
    expect(new Set(rows.map((row) => row.currency))).toEqual(new Set(['USD', 'EUR', 'JPY', 'KWD', 'GBP', 'AZN', 'ILS', 'IRR']))
    expect(new Set(rows.map((row) => row.locale))).toEqual(new Set(['fa', 'he', 'az', 'en']))
    const zones = new Set(rows.map((row) => row.timeZone ?? ''))
    expect(zones.size).toBe(8)
    expect([...zones].every(isTimeZone)).toBe(true)
    const script = { fa: /\p{Script=Arabic}/u, he: /\p{Script=Hebrew}/u, az: /[əğışçöüƏŞ]/u }
    for (const [locale, letters] of Object.entries(script)) {
      const names = rows.filter((row) => row.locale === locale).map((row) => row.clientName)
      expect(names.filter((name) => letters.test(name)).length).toBeGreaterThan(names.length * 0.8)
    }
  })

  it('has a number for every invoice, once, and a line as if it had been read from a file', () => {
    expect(new Set(rows.map((row) => row.invoice)).size).toBe(rows.length)
    expect(rows.map((row) => row.line)).toEqual(rows.map((_, index) => index + 2))
  })

  it('has no amount that its currency cannot express, and none of nothing', () => {
    for (const row of rows) {
      expect(row.amountMinor > 0n).toBe(true)
      expect(parseAmount(formatAmount(row.amountMinor, row.currency), row.currency)).toBe(row.amountMinor)
      for (const payment of row.payments) expect(payment.amountMinor > 0n).toBe(true)
    }
  })

  it('pays after the issue and in the order of the days', () => {
    for (const row of rows) {
      const days = row.payments.map((payment) => payment.on)
      expect(days).toEqual([...days].sort())
      for (const on of days) expect(on > row.issuedOn).toBe(true)
    }
  })
})

describe('the habits in the sample ledger', () => {
  const delays = (habit: string) => ofHabit(habit).flatMap((row) => row.payments.map(({ on }) => daysBetween(row.dueOn, on)))

  it('are kept by the prompt and the slightly late', () => {
    expect(Math.max(...delays('prompt'))).toBeLessThanOrEqual(0)
    expect(Math.min(...delays('slightly_late'))).toBeGreaterThanOrEqual(1)
  })

  it('drift for those who pay later every month', () => {
    const late = ofHabit('later_every_month')
    const mean = (part: typeof late) =>
      part.reduce((sum, row) => sum + daysBetween(row.dueOn, row.payments[0]?.on ?? row.dueOn), 0) / part.length
    expect(mean(late.slice(-20)) - mean(late.slice(0, 20))).toBeGreaterThan(40)
  })

  it('leave unpaid what those owe who stop paying, and pay a part twice', () => {
    const stopped = ofHabit('stops_paying')
    expect(stopped.some((row) => row.payments.length > 0)).toBe(true)
    expect(stopped.slice(-10).every((row) => row.payments.length === 0)).toBe(true)
    expect(ofHabit('part_payer').filter((row) => row.payments.length === 2).length).toBeGreaterThan(100)
    expect(ofHabit('part_payer').some((row) => paidMinor(row) < row.amountMinor)).toBe(true)
  })

  it('never leave the credit of an overpayer to chance: it is there before the next invoice and used up by it', () => {
    for (const [, own] of Map.groupBy(ofHabit('overpayer'), (row) => row.client)) {
      let creditMinor = 0n
      for (const [index, row] of own.entries()) {
        const next = own[index + 1]
        expect(row.payments).toHaveLength(1)
        if (next !== undefined) expect((row.payments[0]?.on ?? '') < next.issuedOn).toBe(true)
        creditMinor += paidMinor(row) - row.amountMinor
        expect(creditMinor >= 0n && (next === undefined || creditMinor < next.amountMinor)).toBe(true)
      }
    }
    expect(ofHabit('overpayer').some((row) => paidMinor(row) > row.amountMinor)).toBe(true)
  })
})
