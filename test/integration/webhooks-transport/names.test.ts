import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { addressPolicy } from '../../../src/modules/webhooks/address-guard.ts'
import { createResolver, isLocalhost } from '../../../src/modules/webhooks/name-resolver.ts'
import { ok, rawReceiver, testSender } from './receivers.ts'

type Reply = { addresses?: readonly string[]; code?: number } | 'silence'
type NameServer = AsyncDisposable & { address: string; asked: string[] }

/** A DNS server that knows what `reply` says, for A and AAAA queries. */
async function nameServer(reply: (name: string, family: 4 | 6) => Reply): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, from) => {
    const { name, end, family } = questionOf(query)
    asked.push(`${name}/${family}`)
    const answer = reply(name, family)
    if (answer === 'silence') return
    const { addresses = [], code = 0 } = answer
    const header = Buffer.alloc(12)
    header.writeUInt16BE(query.readUInt16BE(0), 0)
    header.writeUInt16BE(0x8180 | code, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(addresses.length, 6)
    socket.send(Buffer.concat([header, query.subarray(12, end), ...addresses.map(recordOf)]), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve()))
  }
}

function questionOf(query: Buffer): { name: string; end: number; family: 4 | 6 } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.'), end: at + 5, family: query.readUInt16BE(at + 1) === 28 ? 6 : 4 }
}

/** An answer that points back at the question's name, to be kept for a second. */
function recordOf(address: string): Buffer {
  const isSix = address.includes(':')
  // Only ::1 is needed of all IPv6 addresses.
  const data = isSix ? Buffer.from([...Array.from({ length: 15 }, () => 0), 1]) : Buffer.from(address.split('.').map(Number))
  return Buffer.concat([Buffer.from([0xc0, 0x0c, 0, isSix ? 28 : 1, 0, 1, 0, 0, 0, 1, 0, data.length]), data])
}

describe('a name', () => {
  it('is reached at all its addresses, IPv4 first', async () => {
    await using server = await nameServer((_name, family) => ({ addresses: family === 4 ? ['127.0.0.2', '127.0.0.3'] : ['::1'] }))
    const resolve = createResolver({ servers: [server.address] })
    expect(await resolve('receiver.test')).toEqual([
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.3', family: 4 },
      { address: '::1', family: 6 }
    ])
  })

  it('whose server answers for one family only is not waited for', async () => {
    await using server = await nameServer((_name, family) => (family === 4 ? { addresses: ['127.0.0.2'] } : 'silence'))
    const startedAt = performance.now()
    expect(await createResolver({ servers: [server.address] })('receiver.test')).toEqual([{ address: '127.0.0.2', family: 4 }])
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })

  it('with IPv6 only is reached there', async () => {
    await using server = await nameServer((_name, family) => ({ addresses: family === 6 ? ['::1'] : [] }))
    expect(await createResolver({ servers: [server.address] })('receiver.test')).toEqual([{ address: '::1', family: 6 }])
  })

  it('that does not exist is a failure with a reason', async () => {
    await using server = await nameServer(() => ({ code: 3 }))
    await using sender = testSender({ resolve: createResolver({ servers: [server.address] }) })
    const outcome = await sender.post('https://missing.invalid/')
    expect(outcome).toMatchObject({
      kind: 'error',
      reason: 'dns',
      detail: expect.stringContaining('missing.invalid could not be resolved')
    })
  })

  it('whose server fails is a failure with a reason', async () => {
    await using server = await nameServer(() => ({ code: 2 }))
    await using sender = testSender({ resolve: createResolver({ servers: [server.address], timeoutMs: 100 }) })
    expect(await sender.post('https://receiver.test/')).toMatchObject({ kind: 'error', reason: 'dns' })
  })

  it('localhost is this machine, whatever a server says, and no server is asked', async () => {
    await using server = await nameServer(() => ({ addresses: ['127.0.0.2'] }))
    const resolve = createResolver({ servers: [server.address] })
    expect((await resolve('a.localhost')).map(({ address }) => address)).toEqual(['127.0.0.1', '::1'])
    expect(server.asked).toEqual([])
  })

  it('of /etc/hosts works when DNS does not know it', async (context) => {
    const lines = readFileSync('/etc/hosts', 'utf8').matchAll(/^([\d.]+)\s+([\w.-]+)/gm)
    const line = lines.find(([, , name = '']) => !isLocalhost(name))
    if (line === undefined) return context.skip('/etc/hosts of this machine names nothing but localhost.')
    const [, address, name = ''] = line
    await using server = await nameServer(() => ({ code: 3 }))
    const found = await createResolver({ servers: [server.address] })(name)
    expect(found).toContainEqual({ address, family: 4 })
  })
})

it('twenty names whose server is silent hold back nobody else, and end at their own deadlines', async () => {
  await using server = await nameServer((name, family) => {
    if (name.startsWith('silent')) return 'silence'
    return { addresses: family === 4 ? ['127.0.0.1'] : [] }
  })
  await using receiver = await rawReceiver((socket) => socket.write(ok))
  const policy = addressPolicy({ allowHttp: true, ports: [receiver.port], allowedCidrs: ['127.0.0.1/32'] })
  await using sender = testSender({
    policy,
    resolve: createResolver({ servers: [server.address], timeoutMs: 400 }),
    limits: { connectTimeoutMs: 1_500 }
  })
  const silent = Array.from({ length: 20 }, (_, n) => sender.post(`http://silent${n}.test:${receiver.port}/`, { timeoutMs: 600 }))
  const startedAt = performance.now()
  expect(await sender.post(`http://receiver.test:${receiver.port}/`)).toMatchObject({ kind: 'response', status: 200 })
  expect(performance.now() - startedAt).toBeLessThan(500)
  for (const outcome of await Promise.all(silent))
    expect(outcome).toMatchObject({ kind: 'error', reason: expect.stringMatching(/^(timeout|dns)$/) })
})
