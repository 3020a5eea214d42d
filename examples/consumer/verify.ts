import { createHmac, timingSafeEqual } from 'node:crypto'

const TOLERANCE_S = 300

export type Event = Readonly<{ type: string; timestamp: string; data: Readonly<Record<string, unknown>> }>

/** The event of a request. Throws unless its body was signed with this secret within the last five minutes. */
export function verify(secret: string, headers: Readonly<Record<string, unknown>>, body: Buffer): Event {
  const header = (name: string) => String(headers[`webhook-${name}`] ?? '')
  const sentAt = header('timestamp')
  // Asked this way round, because every comparison with NaN is false.
  const isRecent = Math.abs(Date.now() / 1000 - Number(sentAt)) <= TOLERANCE_S
  if (!isRecent) throw new Error('It is too old, or from the future.')
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const digest = createHmac('sha256', key)
    .update(`${header('id')}.${sentAt}.`)
    .update(body)
    .digest('base64')
  const expected = Buffer.from(`v1,${digest}`)
  const isSigned = header('signature')
    .split(' ')
    .map((one) => Buffer.from(one))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected))
  if (!isSigned) throw new Error('It is not signed with this secret.')
  return JSON.parse(body.toString()) as Event
}
