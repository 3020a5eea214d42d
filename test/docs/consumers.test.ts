import { createHmac, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { expect, type TestContext, test } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { addressPolicy } from '../../src/modules/webhooks/address-guard.ts'
import { createSender } from '../../src/modules/webhooks/sender.ts'
import { headersFor } from '../../src/modules/webhooks/signature.ts'
import { generateKeyPair, generateSecret } from '../../src/modules/webhooks/signing-keys.ts'
import { httpReceiver } from '../integration/webhooks-transport/receivers.ts'
import { root, theBlock } from './blocks.ts'
import { type Case, guide, languages, verdictsOf, versionOf } from './verifiers.ts'

const [older, newer, foreign] = [generateSecret(randomBytes), generateSecret(randomBytes), generateSecret(randomBytes)]
const body = JSON.stringify({
  type: 'invoice.paid',
  timestamp: '2026-01-01T00:00:00.000Z',
  data: {
    organization_id: 'ø',
    object: { name: 'شرکت \u2028 "ABC" </script> 東京 🧾', total: '1250.00' },
    previous: null,
    context: {}
  }
})

/** The body and headers of an attempt as they came over the wire. */
async function sent(secrets: readonly string[], ageS = 0): Promise<Omit<Case, 'secret'>> {
  const policy = addressPolicy({ allowHttp: true, allowLoopback: true, ports: 'any' })
  const sender = createSender({ policy, connections: 1, clock: systemClock })
  await using receiver = await httpReceiver((response) => response.writeHead(204).end())
  const timestampS = Math.floor(Date.now() / 1000) - ageS
  const bytes = Buffer.from(body)
  const headers = headersFor({ id: '01998a6e-3c40-7cc0-9f5a-2f1d3c4b5a69', timestampS, body: bytes, secrets })
  await sender.send({ url: receiver.url, headers, body: bytes, timeoutMs: 5_000 })
  await sender.close()
  const [request] = receiver.requests
  if (request === undefined) throw new Error('Nothing came.')
  return { headers: request.headers as Record<string, string>, body: request.body.toString() }
}

/** What must be taken and what must not, by what it is. */
async function casesOf() {
  const [one, rotated, old, early] = [
    await sent([newer]),
    await sent([newer, older]),
    await sent([newer], 310),
    await sent([newer], -310)
  ]
  const besides = await sent([generateKeyPair(randomBytes).secret, newer])
  const { 'webhook-id': _, ...nameless } = one.headers
  const { 'webhook-signature': signature = '' } = one.headers
  const withHeader = (name: string, value: string) => ({ ...one, headers: { ...one.headers, [name]: value } })
  const taken = {
    'signed once': { ...one, secret: newer },
    'the new secret of two': { ...rotated, secret: newer },
    'the old secret of two': { ...rotated, secret: older },
    'an ed25519 signature beside it': { ...besides, secret: newer },
    'a signature of a kind to come beside it': { ...withHeader('webhook-signature', `v9,bmV3 ${signature}`), secret: newer }
  }
  const refused = {
    'another secret': { ...rotated, secret: foreign },
    'a changed body': { ...one, body: body.replace('1250.00', '1250.01'), secret: newer },
    'a body written anew': { ...one, body: JSON.stringify(JSON.parse(body), null, 1), secret: newer },
    'five minutes old': { ...old, secret: newer },
    'five minutes early': { ...early, secret: newer },
    'another id': { ...withHeader('webhook-id', 'evt'), secret: newer },
    'no id': { ...one, headers: nameless, secret: newer },
    'no time': { ...withHeader('webhook-timestamp', ''), secret: newer },
    'a time in words': { ...withHeader('webhook-timestamp', 'now'), secret: newer },
    'no signature': { ...withHeader('webhook-signature', ''), secret: newer },
    'only the kind to come': { ...withHeader('webhook-signature', signature.replace('v1,', 'v9,')), secret: newer }
  }
  return { taken, refused }
}

/** The reporter does not say why a test was left out, so this does. */
function skip(context: TestContext, why: string): void {
  process.stderr.write(`left out: ${context.task.name}, for ${why}\n`)
  context.skip(why)
}

for (const language of languages) {
  test(`the ${language.name} of the guide verifies what was sent, and nothing else`, async (context) => {
    const version = versionOf(language)
    if (version === undefined) return skip(context, `there is no ${language.version[0]} here`)
    const { taken, refused } = await casesOf()
    const verdicts = await verdictsOf(language, Object.values({ ...taken, ...refused }))
    const names = Object.keys({ ...taken, ...refused })
    const told = Object.fromEntries(names.map((name, index) => [name, verdicts[index]?.split(':')[0]]))
    expect(told, version).toEqual({
      ...Object.fromEntries(Object.keys(taken).map((name) => [name, 'invoice.paid'])),
      ...Object.fromEntries(Object.keys(refused).map((name) => [name, 'refused']))
    })
  })
}

test('the library says the same of all of it', async () => {
  const { taken, refused } = await casesOf()
  const verdictOf = ({ secret, headers, body: text }: Case) => new Webhook(secret).verify(text, headers)
  for (const one of Object.values(taken)) expect(verdictOf(one)).toMatchObject({ type: 'invoice.paid' })
  for (const [name, one] of Object.entries(refused)) expect(() => verdictOf(one), name).toThrow()
})

test('the program for key pairs takes what their owner signed, and nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dunwell-key-pairs-'))
  const file = join(directory, 'verify.ts')
  await writeFile(file, theBlock(guide, 'ed25519').text)
  const { isSignedBy } = (await import(file)) as { isSignedBy: (key: string, headers: Case['headers'], body: Buffer) => boolean }
  await rm(directory, { recursive: true })
  const [own, next, other] = [generateKeyPair(randomBytes), generateKeyPair(randomBytes), generateKeyPair(randomBytes)]
  const { headers, body: text } = await sent([next.secret, own.secret, newer])
  const says = (key: string, given = headers, bytes = text) => isSignedBy(key, given, Buffer.from(bytes))
  expect([says(own.publicKey), says(next.publicKey), says(other.publicKey)]).toEqual([true, true, false])
  expect(says(own.publicKey, headers, text.replace('1250.00', '1250.01'))).toBe(false)
  expect(says(own.publicKey, { ...headers, 'webhook-timestamp': '1' })).toBe(false)
  expect(says(own.publicKey, (await sent([newer])).headers)).toBe(false)
})

test('the headers that the guide shows are those of its secret and body', async () => {
  const text = await readFile(`${root}/${guide}`, 'utf8')
  const shown = (pattern: RegExp) => pattern.exec(text)?.[1] ?? ''
  const key = Buffer.from(shown(/`whsec_([^`]+)`/), 'base64')
  const signed = `${shown(/webhook-id: (\S+)/)}.${shown(/webhook-timestamp: (\d+)/)}.${theBlock(guide, 'vector').text.trim()}`
  expect(shown(/webhook-signature: v1,(\S+)/)).toBe(createHmac('sha256', key).update(signed).digest('base64'))
})

test('the TypeScript of the guide is the example’s', async () => {
  expect(theBlock(guide, 'typescript').text).toBe(await readFile(`${root}/examples/consumer/verify.ts`, 'utf8'))
})
