import { networkInterfaces } from 'node:os'
import { Agent } from 'undici'
import { describe, expect, it } from 'vitest'
import { addressPolicy, guardedConnector } from '../../../src/modules/webhooks/address-guard.ts'
import { createResolver, type Resolve } from '../../../src/modules/webhooks/name-resolver.ts'
import { connectionIsBack, eventually, httpReceiver, ok, rawReceiver, testSender } from './receivers.ts'

const refused = { kind: 'error', reason: 'refused_address' }
const resolvingTo =
  (...addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))

/** http on the given ports, to public addresses. */
const strict = (...ports: number[]) => addressPolicy({ allowHttp: true, ports })
/** The same with one address that stands for the public internet, of which a test has none. */
const publicIs127001 = (...ports: number[]) => addressPolicy({ allowHttp: true, ports, allowedCidrs: ['127.0.0.1/32'] })
/** Where something listens that must not be reached. Not every machine has IPv6, and only Linux has all of 127/8. */
const hiddenHost = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
  ? '::1'
  : '127.0.0.2'

const loopbackSpellings = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f.1',
  '0x7f000001',
  '0177.0.0.1',
  '017700000001',
  '127.0.0.1.',
  '①②⑦.0.0.1',
  '0.0.0.0',
  '0',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[::7f00:1]',
  '[64:ff9b::127.0.0.1]',
  '[2002:7f00:1::]',
  'localhost',
  'localhost.',
  'LOCALHOST',
  'a.localhost'
]
const elsewhere = [
  '169.254.169.254',
  '0xa9fea9fe',
  '[::ffff:a9fe:a9fe]',
  '[fd00:ec2::254]',
  '10.0.0.1',
  '192.168.0.1',
  '100.100.100.200',
  '168.63.129.16',
  '[fe80::1]',
  '[fd00::1]'
]

describe('no connection is opened to an address that is not public', () => {
  it.each([...loopbackSpellings, ...elsewhere])('spelled %s', async (host) => {
    await using victim = await httpReceiver((response) => response.end('secret'))
    await using hidden = await httpReceiver((response) => response.end('secret'), hiddenHost)
    for (const { port } of [victim, hidden]) {
      await using sender = testSender({ policy: strict(port) })
      expect(await sender.post(`http://${host}:${port}/`)).toMatchObject(refused)
    }
    expect([...victim.sockets, ...hidden.sockets]).toHaveLength(0)
  })

  it.each([...loopbackSpellings, ...elsewhere])('spelled %s, even if a URL got past the first judge', async (host) => {
    await using victim = await httpReceiver((response) => response.end('secret'))
    const connect = guardedConnector({ policy: strict(victim.port), resolve: createResolver(), connectTimeoutMs: 1_000 })
    await using agent = disposable(new Agent({ connect }))
    const attempt = agent.request({ origin: `http://${host}:${victim.port}`, path: '/', method: 'POST' })
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_ADDRESS_REFUSED' })
    expect(victim.sockets).toHaveLength(0)
  })

  it('handed to the connector as it was written, without a URL in between', async () => {
    await using victim = await httpReceiver((response) => response.end('secret'))
    const connect = guardedConnector({ policy: strict(), resolve: resolvingTo('127.0.0.1'), connectTimeoutMs: 1_000 })
    for (const hostname of [
      '127.0.0.1',
      '0x7f.1',
      '2130706433',
      '127.0.0.1.',
      '::1',
      '::ffff:127.0.0.1',
      '[::ffff:127.0.0.1]',
      'fe80::1%lo',
      'localhost.'
    ]) {
      const error = await new Promise<Error | null>((resolve) => {
        connect({ hostname, host: hostname, protocol: 'http:', port: String(victim.port) }, (...[failure]) => resolve(failure))
      })
      expect(error, hostname).toMatchObject({ code: 'ERR_ADDRESS_REFUSED' })
    }
    expect(victim.sockets).toHaveLength(0)
  })

  it.each([
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['10.0.0.1', '192.168.0.1'],
    ['169.254.169.254'],
    ['fd00:ec2::254', 'fe80::1'],
    ['64:ff9b::7f00:1']
  ])('that a name leads to: %s', async (...addresses) => {
    await using victim = await httpReceiver((response) => response.end('secret'))
    await using sender = testSender({ policy: strict(victim.port), resolve: resolvingTo(...addresses) })
    const outcome = await sender.post(`http://receiver.example:${victim.port}/`)
    expect(outcome).toMatchObject({ ...refused, detail: 'receiver.example leads to no public address.' })
    expect(victim.sockets).toHaveLength(0)
  })
})

describe('a name with good and bad addresses', () => {
  it('is reached at the good ones only', async () => {
    await using victim = await httpReceiver((response) => response.end('secret'), hiddenHost)
    await using good = await rawReceiver((socket) => socket.write(ok))
    await using sender = testSender({
      policy: publicIs127001(good.port, victim.port),
      resolve: resolvingTo(hiddenHost, '127.0.0.1', '10.0.0.1')
    })
    expect(await sender.post(`http://receiver.example:${good.port}/`)).toMatchObject({ kind: 'response', status: 200 })
    // Where the good address does not listen, the bad one is no second choice.
    const outcome = await sender.post(`http://receiver.example:${victim.port}/`)
    expect(outcome).toMatchObject({ kind: 'error', reason: 'connection' })
    expect(victim.sockets).toHaveLength(0)
  })
})

describe('a name that changes its meaning', () => {
  it('after it was judged is asked again by nobody: the judged address is the one connected to', async () => {
    let asked = 0
    const resolve: Resolve = async () => {
      asked += 1
      return [{ address: asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]
    }
    await using good = await rawReceiver((socket) => socket.write(ok))
    await using sender = testSender({ policy: publicIs127001(good.port), resolve })
    expect(await sender.post(`http://receiver.example:${good.port}/`)).toMatchObject({ kind: 'response', status: 200 })
    expect(asked).toBe(1)
  })

  it('while a connection is kept reaches the old address over it, and the new one never', async () => {
    let address = '127.0.0.1'
    await using good = await rawReceiver((socket) => socket.write(ok))
    const url = `http://receiver.example:${good.port}/`
    await using sender = testSender({ policy: publicIs127001(good.port), resolve: async () => [{ address, family: 4 }] })
    expect(await sender.post(url)).toMatchObject({ kind: 'response', status: 200 })
    address = '10.0.0.1'
    await connectionIsBack()
    expect(await sender.post(url)).toMatchObject({ kind: 'response', status: 200 })
    expect(good.sockets).toHaveLength(1)
    for (const socket of good.sockets) socket.end()
    await eventually(() => good.open() === 0)
    await connectionIsBack()
    expect(await sender.post(url)).toMatchObject(refused)
  })
})

it('development reaches loopback and, by a name, nothing else', async () => {
  await using receiver = await rawReceiver((socket) => socket.write(ok))
  await using sender = testSender({ resolve: resolvingTo('10.0.0.1') })
  expect(await sender.post(receiver.url)).toMatchObject({ kind: 'response', status: 200 })
  expect(await sender.post('https://receiver.example/')).toMatchObject(refused)
})

function disposable(agent: Agent): Agent & AsyncDisposable {
  return Object.assign(agent, { [Symbol.asyncDispose]: () => agent.destroy() })
}
