import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** One round of requests. Each connection sends the next request when it has the answer to the last. */
export type Load = Readonly<{
  origin: string
  method: 'GET' | 'POST'
  /** Taken in turn. */
  paths: readonly string[]
  /** Taken in turn; a POST sends a fresh Idempotency-Key with each. */
  bodies: readonly string[]
  headers: Readonly<Record<string, string>>
  /** Null where refusals are part of it. */
  expectStatus: number | null
  connections: number
  /** Between an answer and the next request of its connection; none unless said. */
  pauseMs?: number
  /** It ends with whichever comes first. */
  seconds: number
  requestsMax: number
}>

export type Loaded = Readonly<{ requests: number; refused: number; seconds: number; p50Ms: number; p95Ms: number; p99Ms: number }>

export type LoadGenerator = Readonly<{ send: (load: Load) => Promise<Loaded>; stop: () => Promise<void> }>

/** A process of its own, so that making requests does not share the event loop that answers them. */
export async function startLoadGenerator(): Promise<LoadGenerator> {
  const child = fork(fileURLToPath(new URL('load-generator.ts', import.meta.url)), { execArgv: [] })
  await once(child, 'message')
  return {
    async send(load) {
      child.send(load)
      const [answer] = (await once(child, 'message')) as [Loaded | { error: string }]
      if ('error' in answer) throw new Error(answer.error)
      return answer
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    }
  }
}
