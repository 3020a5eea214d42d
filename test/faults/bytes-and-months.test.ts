import { createHash } from 'node:crypto'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { createUpkeepJob } from '../../src/jobs/upkeep.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { subscribed } from '../support/database-faults.ts'
import { print, reportOn, startWorker, underTraffic, unharmed, untilDrained } from '../support/delivery-faults.ts'
import { until } from '../support/webhooks.ts'

/** What breaks where text is counted in characters, parsed and written anew, or put in order. */
const objects: Readonly<Record<string, object>> = {
  'every script': {
    name: 'Ünïcödé 漢字 العربية עברית हिन्दी 👩‍👩‍👧‍👦',
    zero: 'a\u200bb',
    combined: 'e\u0301',
    astral: '\u{1F600}\u{10FFFF}'
  },
  escapes: { text: '"\\/\b\f\n\r\t\u0001\u001f\u007f\u2028\u2029</script>' },
  'the order of keys': { z: 1, a: { y: 2, b: 3 }, B: 4, ä: 5, '': 6 },
  numbers: { small: 1e-7, large: 1e21, exact: 9007199254740991, text: '9007199254740993', zero: -0 },
  'a megabyte': { name: 'ß漢👍'.repeat(120_000) },
  'a wide object': Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`key ${(n * 7_919) % 5_000}`, n]))
}

it('what is stored is what is signed is what is sent, byte for byte', async () => {
  await using at = await subscribed()
  const { shop, ledger } = at
  const worker = startWorker(shop.url)
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    const drafts = Object.values(objects).map((object, n) => {
      const id = `00000000-0000-7000-8000-00000000000${n}`
      return {
        ...({ type: 'client.updated', subject: { kind: 'client', id, version: 1 }, clientId: null } as const),
        object: { id, ...object }
      }
    })
    const { database, services } = shop.parts
    for (let round = 0; round < 5; round++)
      await database.scoped(shop.orgId, (tx) => services.events.append(tx, { occurredAt: new Date(), drafts }))
    await untilDrained(shop)
    const stored = await shop.sql<{ id: string; body: string; hash: string }>(
      'select e.id, b.body, e.body_sha256 as hash from events e join event_bodies b on b.event_id = e.id order by e.id'
    )
    const sent = new Map(ledger.received.map(({ id, request }) => [id, request.body]))
    for (const { id, body, hash } of stored) {
      expect(sent.get(id)?.equals(Buffer.from(body))).toBe(true)
      expect(createHash('sha256').update(body).digest('hex')).toBe(hash)
    }
    const report = await reportOn('29 bodies of every kind', { shop, ledger })
    print(report, `; the longest of ${Math.max(...[...sent.values()].map(({ length }) => length))} bytes`)
    expect(report).toMatchObject({ ...unharmed, sent: 5 * drafts.length, duplicated: 0 })
    for (const [n, object] of Object.values(objects).entries()) {
      const text = String(sent.get(stored[n]?.id ?? ''))
      expect(text).toContain(JSON.stringify(object).slice(1, -1))
    }
  } finally {
    await worker.kill('SIGTERM')
  }
})

it('without a table for their month attempts are logged all the same, and upkeep makes the next months', async () => {
  await using at = await subscribed()
  const { shop, ledger } = at
  const months = () =>
    shop.sql<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'webhook_attempts'::regclass order by 1`
    )
  const worker = startWorker(shop.url)
  try {
    // A worker makes what is missing as it starts: only what goes missing later is found so.
    await until('the worker has made its months', async () => worker.isReady() && (await months()).length > 1, 60_000)
    for (const { name } of await months()) if (!name.endsWith('_default')) await shop.sql(`drop table ${name}`)
    await shop.fire(500)
    await untilDrained(shop)
    const log = pino({ level: 'silent' })
    const upkeep = createUpkeepJob({ ...shop.parts, clock: systemClock, kept: { attemptDays: 30, bodyDays: 90 }, log })
    await upkeep.keepMonths()
    await shop.fire(500)
    await untilDrained(shop)
    const made = (await months()).length - 1
    const report = await reportOn('28 no table for the month', { shop, ledger })
    const [{ caught } = { caught: 0 }] = await shop.sql<{ caught: number }>(
      'select count(*)::int as caught from webhook_attempts_default'
    )
    print(report, `; ${caught} attempts in the default table, ${made} further months made`)
    expect(report).toMatchObject({ ...unharmed, sent: 1_000, duplicated: 0 })
    expect({ caught, made }).toEqual({ caught: 1_000, made: 2 })
  } finally {
    await worker.kill('SIGTERM')
  }
})

it('a month that is dropped while attempts are written holds them up for a moment and loses none', async () => {
  await using at = await subscribed()
  const { shop, ledger } = at
  const worker = startWorker(shop.url)
  const log = pino({ level: 'silent' })
  const upkeep = createUpkeepJob({ ...shop.parts, clock: systemClock, kept: { attemptDays: 30, bodyDays: 90 }, log })
  const old = `select to_regclass('webhook_attempts_2001_01') as name`
  let dropped = 0
  try {
    await until('the worker is ready', worker.isReady, 60_000)
    const fault = async () => {
      await shop.sql(`select dunwell_make_attempt_partitions('2001-01-15', 1)`)
      await upkeep.keepMonths()
      if ((await shop.sql<{ name: string | null }>(old))[0]?.name === null) dropped += 1
    }
    const traffic = { shop, ledger, forMs: 10_000, perSecond: 400, everyMs: 200, fault }
    const report = await underTraffic('28 months dropped under traffic', traffic)
    process.stdout.write(`  28 ${dropped} months dropped meanwhile\n`)
    expect(report).toMatchObject({ ...unharmed, duplicated: 0 })
    expect(report.worstDelayMs).toBeLessThan(3_000)
    expect(dropped).toBeGreaterThan(20)
  } finally {
    await worker.kill('SIGTERM')
  }
})
