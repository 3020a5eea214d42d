import { getEventListeners } from 'node:events'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { eventually, httpReceiver, ok, rawReceiver, testSender } from './receivers.ts'

/** How much later than its deadline an attempt may end on a busy machine. */
const SLACK_MS = 400

describe('an attempt ends at its deadline, so that its lease outlives it', () => {
  it('when the receiver never answers, and the socket is given back', async () => {
    await using receiver = await rawReceiver(() => {})
    await using sender = testSender()
    const outcome = await sender.post(receiver.url, { timeoutMs: 200 })
    expect(outcome).toMatchObject({ kind: 'error', reason: 'timeout', detail: 'No answer within 200 ms.' })
    expect(outcome.durationMs).toBeGreaterThanOrEqual(199)
    expect(outcome.durationMs).toBeLessThan(200 + SLACK_MS)
    await eventually(() => receiver.open() === 0)
  })

  it('when the headers drip, which no idle timer would notice', async () => {
    await using receiver = await rawReceiver((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-drip: ')
      const drip = setInterval(() => socket.write('a'), 10)
      socket.on('close', () => clearInterval(drip))
    })
    await using sender = testSender()
    const outcome = await sender.post(receiver.url, { timeoutMs: 200 })
    expect(outcome).toMatchObject({ kind: 'error', reason: 'timeout' })
    expect(outcome.durationMs).toBeLessThan(200 + SLACK_MS)
    await eventually(() => receiver.open() === 0)
  })

  it('when it answers "continue" for ever', async () => {
    await using receiver = await rawReceiver((socket) => {
      const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10)
      socket.on('close', () => clearInterval(drip))
    })
    await using sender = testSender()
    expect(await sender.post(receiver.url, { timeoutMs: 200 })).toMatchObject({ kind: 'error', reason: 'timeout' })
  })

  it('when its name is never resolved', async () => {
    await using sender = testSender({ resolve: () => new Promise(() => {}), limits: { connectTimeoutMs: 500 } })
    const outcome = await sender.post('https://receiver.example/', { timeoutMs: 100 })
    expect(outcome).toMatchObject({ kind: 'error', reason: 'timeout', detail: 'No connection within 100 ms.' })
    expect(outcome.durationMs).toBeLessThan(100 + SLACK_MS)
  })

  it('while it waits for a free connection, and then is never sent', async () => {
    await using receiver = await rawReceiver((socket, earlier) => {
      if (earlier === 0) setTimeout(() => socket.write(ok), 250)
      else socket.write(ok)
    })
    await using sender = testSender({ connections: 1 })
    const first = sender.post(receiver.url)
    const second = await sender.post(receiver.url, { timeoutMs: 80 })
    expect(second).toMatchObject({ kind: 'error', reason: 'timeout' })
    expect(second.durationMs).toBeLessThan(80 + SLACK_MS)
    expect(await first).toMatchObject({ kind: 'response', status: 200 })
    expect(await sender.post(receiver.url)).toMatchObject({ kind: 'response', status: 200 })
    expect(receiver.requests).toHaveLength(2)
    expect(receiver.sockets).toHaveLength(1)
  })
})

describe('a 2xx is a success, whatever comes after the status line', () => {
  it.each([200, 500])('a %i that hangs after its headers holds its slot for the body limit only', async (status) => {
    await using receiver = await rawReceiver((socket) => socket.write(`HTTP/1.1 ${status} X\r\ncontent-length: 100\r\n\r\n`))
    await using sender = testSender()
    const outcome = await sender.post(receiver.url, { timeoutMs: 5_000 })
    expect(outcome).toMatchObject({ kind: 'response', status, bodyExcerpt: '' })
    expect(outcome.durationMs).toBeLessThan(150 + SLACK_MS)
    await eventually(() => receiver.open() === 0)
  })

  it('a body that drips is cut, and what came is kept', async () => {
    await using receiver = await rawReceiver((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      const drip = setInterval(() => socket.write('1\r\na\r\n'), 10)
      socket.on('close', () => clearInterval(drip))
    })
    await using sender = testSender()
    const outcome = await sender.post(receiver.url, { timeoutMs: 5_000 })
    expect(outcome).toMatchObject({ kind: 'response', status: 200, bodyExcerpt: expect.stringMatching(/^a+$/) })
    expect(outcome.durationMs).toBeLessThan(150 + SLACK_MS)
  })

  it('a body that begins shortly before the deadline does not get more than what is left', async () => {
    await using receiver = await rawReceiver((socket) => {
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'), 150)
    })
    await using sender = testSender({ limits: { bodyTimeoutMs: 5_000 } })
    const outcome = await sender.post(receiver.url, { timeoutMs: 300 })
    expect(outcome).toMatchObject({ kind: 'response', status: 200 })
    expect(outcome.durationMs).toBeLessThan(300 + SLACK_MS)
  })

  it('100 MB are not read: 16 KiB and what was on its way, then the socket is closed', async () => {
    const megabyte = Buffer.alloc(1_048_576, 'x')
    let written = 0
    await using receiver = await httpReceiver((response) => {
      response.writeHead(200, { 'content-length': 100 * megabyte.length })
      const pump = () => {
        for (written += 1; written < 100 && response.write(megabyte); written += 1);
      }
      response.on('drain', pump)
      pump()
    })
    await using sender = testSender({ limits: { bodyTimeoutMs: 5_000 } })
    const outcome = await sender.post(receiver.url)
    expect(outcome).toMatchObject({ kind: 'response', status: 200, bodyExcerpt: 'x'.repeat(1_024) })
    await eventually(() => receiver.open() === 0)
    expect(written).toBeLessThan(20)
  })

  it('a gzip bomb stays shut', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    await using receiver = await httpReceiver((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    await using sender = testSender()
    const outcome = await sender.post(receiver.url)
    expect(outcome).toMatchObject({ kind: 'response', status: 200 })
    expect(outcome.kind === 'response' && outcome.bodyExcerpt.length).toBeLessThanOrEqual(1_024)
  })

  it.each([
    ['shorter than announced', 'HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nshort'],
    ['in malformed chunks', 'HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nshort'],
    ['without an end', 'HTTP/1.1 202 Accepted\r\n\r\nshort']
  ])('a body %s does not make it a failure', async (_what, bytes) => {
    await using receiver = await rawReceiver((socket) => socket.end(bytes))
    await using sender = testSender()
    expect(await sender.post(receiver.url)).toMatchObject({ kind: 'response', status: 202 })
  })

  it('16 kB of headers are read, a flood of them is refused', async () => {
    await using receiver = await rawReceiver((socket) => {
      const size = receiver.requests.length === 1 ? 16_000 : 200_000
      socket.write(`HTTP/1.1 200 OK\r\nx-long: ${'h'.repeat(size)}\r\ncontent-length: 0\r\n\r\n`)
    })
    await using sender = testSender()
    expect(await sender.post(receiver.url)).toMatchObject({ kind: 'response', status: 200 })
    const flooded = await sender.post(receiver.url)
    expect(flooded).toMatchObject({
      kind: 'error',
      reason: 'connection',
      detail: expect.stringContaining('UND_ERR_HEADERS_OVERFLOW')
    })
  })
})

describe('a shutdown that cannot wait', () => {
  it('ends the attempts under way, and counts no failure against the receiver', async () => {
    await using receiver = await rawReceiver(() => {})
    await using sender = testSender({ connections: 40 })
    const shutdown = new AbortController()
    const attempts = Array.from({ length: 40 }, () => sender.post(receiver.url, { signal: shutdown.signal }))
    await eventually(() => receiver.requests.length === 40)
    shutdown.abort()
    for (const outcome of await Promise.all(attempts)) expect(outcome).toMatchObject({ kind: 'error', reason: 'aborted' })
    await eventually(() => receiver.open() === 0)
    expect(await sender.post(receiver.url, { signal: shutdown.signal })).toMatchObject({ kind: 'error', reason: 'aborted' })
    expect(receiver.requests).toHaveLength(40)
  })

  it('leaves nothing behind on its signal, which lives as long as the process', async () => {
    await using receiver = await rawReceiver((socket) => socket.write(ok))
    await using sender = testSender()
    const { signal } = new AbortController()
    for (let n = 0; n < 5; n += 1)
      expect(await sender.post(receiver.url, { signal })).toMatchObject({ kind: 'response', status: 200 })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
