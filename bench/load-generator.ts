import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'undici'
import type { Load, Loaded } from './load.ts'

/** Sends one load and measures it. The first answer that is not the expected one ends it. */
async function send(load: Load): Promise<Loaded> {
  const latenciesMs: number[] = []
  let started = 0
  let refused = 0
  const startedAt = performance.now()
  const endsAt = startedAt + load.seconds * 1000
  async function work(): Promise<void> {
    const client = new Client(load.origin, { pipelining: 1 })
    while (started < load.requestsMax && performance.now() < endsAt) {
      const index = started++
      const sentAt = performance.now()
      if ((await sendOne(client, { load, index })) >= 400) refused++
      latenciesMs.push(performance.now() - sentAt)
      if (load.pauseMs !== undefined) await pause(load.pauseMs)
    }
    await client.close()
  }
  await Promise.all(Array.from({ length: load.connections }, work))
  const seconds = (performance.now() - startedAt) / 1000
  latenciesMs.sort((a, b) => a - b)
  const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN
  return { requests: latenciesMs.length, refused, seconds, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}

/** By `dispatch`, undici's lowest level: what the generator burns, server and database do not have. */
function sendOne(client: Client, { load, index }: { load: Load; index: number }): Promise<number> {
  const { method, paths, bodies, expectStatus } = load
  const path = paths[index % paths.length] ?? '/'
  const isPost = method === 'POST'
  const own = isPost ? { 'content-type': 'application/json', 'idempotency-key': randomUUID() } : {}
  const body = isPost ? (bodies[index % bodies.length] ?? '{}') : null
  return new Promise((resolve, reject) => {
    let status = 0
    let refusal = ''
    client.dispatch(
      { path, method, headers: { ...load.headers, ...own }, body },
      {
        onRequestStart: () => {},
        onResponseStart: (_controller, statusCode) => {
          status = statusCode
        },
        onResponseData: (_controller, chunk) => {
          if (expectStatus !== null && status !== expectStatus) refusal += chunk.toString()
        },
        onResponseEnd: () =>
          expectStatus === null || status === expectStatus
            ? resolve(status)
            : reject(new Error(`${method} ${path} was answered ${status}: ${refusal}`)),
        onResponseError: (_controller, error) => reject(error)
      }
    )
  })
}

process.on('message', (load: Load) => {
  send(load).then(
    (loaded) => process.send?.(loaded),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) })
  )
})
process.send?.('ready')
