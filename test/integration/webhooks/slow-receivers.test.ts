import { afterAll, describe, expect, it } from 'vitest'
import { openShop, until } from '../../support/webhooks.ts'
import { httpReceiver, ok, rawReceiver } from '../webhooks-transport/receivers.ts'

const shop = await openShop({ env: { DUNWELL_WEBHOOK_SCHEDULE_SCALE: '0.01' } })
afterAll(() => shop[Symbol.asyncDispose]())

type Attempt = { status: number | null; error: string | null; succeeded: boolean; duration_ms: number; started_at: string }
type Told = { id: string; status: string; next_attempt_at: string | null; log: Attempt[] }

/** Sends one event to the URL and tells what became of the first attempt. */
async function firstAttempt(url: string): Promise<{ attempt: Attempt; delivery: Told }> {
  const { id } = await shop.subscribe(url, { timeout_ms: 400 })
  const [eventId = ''] = await shop.fire(1)
  let delivery: Told | undefined
  await until('there was an attempt', async () => {
    const { data } = (await shop.api('GET', `/webhook-deliveries?endpoint_id=${id}&event_id=${eventId}`)).body as { data: Told[] }
    delivery = (await shop.api('GET', `/webhook-deliveries/${data[0]?.id}`)).body as unknown as Told
    return delivery.log.length > 0
  })
  await shop.api('DELETE', `/webhook-endpoints/${id}`)
  const [attempt] = delivery?.log ?? []
  if (attempt === undefined || delivery === undefined) throw new Error('There was no attempt.')
  return { attempt, delivery }
}

describe('an attempt ends by its deadline', () => {
  it('where the receiver never answers', async () => {
    await using receiver = await rawReceiver(() => undefined)
    const { attempt } = await firstAttempt(receiver.url)
    expect(attempt).toMatchObject({ succeeded: false, status: null, error: 'timeout: No answer within 400 ms.' })
    expect(attempt.duration_ms).toBeLessThan(2_000)
  })

  it('where the headers drip', async () => {
    await using receiver = await rawReceiver((socket) => {
      const drip = setInterval(() => socket.write('x'), 50)
      socket.write('HTTP/1.1 200 OK\r\nx-long: ')
      socket.on('close', () => clearInterval(drip))
    })
    expect((await firstAttempt(receiver.url)).attempt).toMatchObject({ succeeded: false, status: null })
  })
})

describe('a 2xx is a success', () => {
  it('though the body never comes', async () => {
    await using receiver = await rawReceiver((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n'))
    expect((await firstAttempt(receiver.url)).attempt).toMatchObject({ succeeded: true, status: 200 })
  })

  it('though the body drips', async () => {
    await using receiver = await rawReceiver((socket) => {
      socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 5000\r\n\r\n')
      const drip = setInterval(() => socket.write('x'), 50)
      socket.on('close', () => clearInterval(drip))
    })
    expect((await firstAttempt(receiver.url)).attempt).toMatchObject({ succeeded: true, status: 202 })
  })

  it('whose body is kept for the log', async () => {
    await using receiver = await rawReceiver((socket) => socket.write(ok))
    expect((await firstAttempt(receiver.url)).attempt).toMatchObject({ succeeded: true, answer: '{"received":true}' })
  })
})

describe('a Retry-After is heeded', () => {
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000)
  const pad = (value: number) => String(value).padStart(2, '0')
  const rfc850 = (at: Date) => {
    const [, date, month, year, time] = /^\w+, (\d\d) (\w+) \d\d(\d\d) (\S+) GMT$/.exec(at.toUTCString()) ?? []
    const weekday = at.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' })
    return `${weekday}, ${date}-${month}-${year} ${time} GMT`
  }
  const asctime = (at: Date) => {
    const [, weekday, month, year, time] = /^(\w+), \d\d (\w+) (\d+) (\S+) GMT$/.exec(at.toUTCString()) ?? []
    return `${weekday} ${month} ${pad(at.getUTCDate()).replace(/^0/, ' ')} ${time} ${year}`
  }
  // The schedule in hundredths: the second attempt is due after 50 ms, a hint counts up to a hundredth of a day.
  type Case = readonly [string, number, () => string, readonly [number, number]]
  const cases: readonly Case[] = [
    ['429 in seconds', 429, () => '60', [60, 67]],
    ['503 in seconds', 503, () => '60', [60, 67]],
    ['429 with a date', 429, () => inSeconds(60).toUTCString(), [58, 67]],
    ['503 with a date of two digits', 503, () => rfc850(inSeconds(60)), [58, 67]],
    ['503 with a date of asctime', 503, () => asctime(inSeconds(60)), [58, 67]],
    ['a date that has passed', 503, () => inSeconds(-60).toUTCString(), [0, 1]],
    ['more than a day', 429, () => '999999999', [864, 960]],
    ['nonsense', 429, () => 'soon', [0, 1]],
    ['a negative number', 503, () => '-5', [0, 1]],
    ['on a 500, where it means nothing', 500, () => '60', [0, 1]]
  ]
  it.each(cases)('%s', async (_, status, hint, [least, most]) => {
    let asked = 0
    await using receiver = await httpReceiver(
      (response) => void response.writeHead(status, { 'retry-after': hint() }).end(`${++asked}`)
    )
    const { id } = await shop.subscribe(receiver.url)
    await shop.fire(1)
    const waits = () =>
      shop.sql<{ seconds: number }>(
        `select extract(epoch from q.ready_at - a.started_at)::float8 as seconds from webhook_queue q
         join webhook_attempts a on a.delivery_id = q.delivery_id and a.attempt = q.attempt where q.endpoint_id = $1 and q.claimed_at is null`,
        id
      )
    let found: { seconds: number }[] = []
    await until('it waits for its next attempt', async () => {
      found = await waits()
      return found.length > 0
    })
    // A short wait is followed by the schedule's next ones, of three seconds and more.
    const [{ seconds } = { seconds: -1 }] = found
    expect(seconds).toBeGreaterThanOrEqual(least)
    expect(seconds).toBeLessThan(most === 1 ? 30 : most)
    await shop.api('DELETE', `/webhook-endpoints/${id}`)
  })
})
