import { afterAll, beforeAll, expect, it } from 'vitest'
import { storyEvents } from '../../src/demo/chronicle.ts'
import { type Host, startHost } from '../../src/demo/host.ts'
import type { LedgerRow } from '../../src/demo/ledger.ts'
import { demoTimeline, walkLedger } from '../../src/demo/run.ts'
import { cast } from '../../src/demo/story.ts'
import { day } from '../../src/kernel/day.ts'
import { currency } from '../../src/kernel/money.ts'

let host: Host
beforeAll(async () => {
  host = await startHost()
}, 120_000)
afterAll(() => host.stop())

const row: LedgerRow = {
  ...{ line: 2, client: 'A', clientName: 'A', locale: undefined, timeZone: 'Europe/Berlin', invoice: 'A-1', disputed: false },
  ...{ issuedOn: day('2025-01-06'), dueOn: day('2025-01-20'), amountMinor: 100n, currency: currency('EUR') },
  payments: [{ on: day('2025-01-20'), amountMinor: 100n }]
}

it('the story of the demo shows agreements kept and broken, each from its webhooks', { timeout: 180_000 }, async () => {
  const walked = await walkLedger({
    ...{ host, rows: [row], timeline: demoTimeline([row]), cast },
    books: { policy: { progression: 'jump', businessDays: true }, eventTypes: storyEvents },
    signal: new AbortController().signal,
    onProgress: () => undefined
  })
  await walked.close()
  expect(walked.verdict.isSound).toBe(true)
  const told = walked.story.map(({ client, lines }) => [client, ...lines.map(({ on, text }) => `${on.slice(5)} ${text}`)])
  expect(told).toMatchInlineSnapshot(`
    [
      [
        "Lindqvist Snickeri AB",
        "02-07 stage courtesy of T-101, 3 days before it is due",
        "02-13 stage reminder of T-101, 3 days overdue",
        "02-14 promises 1200.00 EUR by 2025-02-24: dunning waits",
        "02-24 T-101 is paid",
        "02-24 keeps the promise",
      ],
      [
        "Osteria del Porto",
        "02-07 stage courtesy of T-102, 3 days before it is due",
        "02-13 stage reminder of T-102, 3 days overdue",
        "02-14 promises 900.00 EUR by 2025-02-20: dunning waits",
        "02-23 breaks the promise: dunning goes on where the age says",
        "02-24 stage second of T-102, 14 days overdue",
        "03-06 stage final of T-102, 24 days overdue",
        "03-06 service is suspended",
        "04-02 T-102 is paid",
        "04-02 service is restored",
      ],
      [
        "Hafen & Kran GmbH",
        "03-14 stage courtesy of T-103, 3 days before it is due",
        "03-20 stage reminder of T-103, 3 days overdue",
        "03-21 disputes 200.00 EUR: the rest is dunned",
        "03-27 stage second of T-103, 10 days overdue",
        "03-28 the dispute is upheld, 200.00 credited",
        "04-02 T-103 is paid",
      ],
      [
        "Café Morgane",
        "03-07 stage courtesy of T-104, 3 days before it is due",
        "03-07 stage courtesy of T-105, 3 days before it is due",
        "03-13 stage reminder of T-104, 3 days overdue",
        "03-13 stage reminder of T-105, 3 days overdue",
        "03-20 stage second of T-104, 10 days overdue",
        "03-20 stage second of T-105, 10 days overdue",
        "03-25 agrees to pay 1500.00 EUR in parts: dunning waits",
        "04-01 installment 1 is paid",
        "05-02 T-104 is paid",
        "05-02 installment 2 is paid",
        "05-30 T-105 is paid",
        "05-30 installment 3 is paid",
        "05-30 has kept the plan",
      ],
      [
        "Brekke Transport AS",
        "04-04 stage courtesy of T-106, 3 days before it is due",
        "04-10 stage reminder of T-106, 3 days overdue",
        "04-17 stage second of T-106, 10 days overdue",
        "04-23 agrees to pay 1000.00 EUR in parts: dunning waits",
        "05-02 installment 1 is paid",
        "05-13 misses installment 2",
        "05-20 misses installment 3",
        "05-20 breaks the plan: dunning goes on where the age says",
        "05-20 stage final of T-106, 43 days overdue",
        "05-20 service is suspended",
        "06-06 stage handover of T-106, 60 days overdue",
        "06-12 T-106 is paid",
        "06-12 service is restored",
      ],
      [
        "Papelaria Sol",
        "04-25 stage courtesy of T-107, 3 days before it is due",
        "05-01 stage reminder of T-107, 3 days overdue",
        "05-05 sends 450.00 EUR that is good on 2025-05-19: dunning waits",
        "05-20 the money does not come: dunning goes on where the age says",
        "05-20 stage second of T-107, 22 days overdue",
        "05-23 stage final of T-107, 25 days overdue",
        "05-23 service is suspended",
        "06-03 T-107 is paid",
        "06-03 service is restored",
      ],
    ]
  `)
})
