import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type Receiver = Readonly<{
  url: string
  /** Takes requests and never answers. */
  hangingUrl: string
  /** Since it was last asked. */
  expect: (count: number) => Promise<void>
  stop: () => Promise<void>
}>

export async function startReceiver(): Promise<Receiver> {
  const child = fork(fileURLToPath(new URL('receiver.ts', import.meta.url)), { execArgv: [] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    url: `http://127.0.0.1:${port}/hook`,
    hangingUrl: `http://127.0.0.1:${port}/hang`,
    async expect(count) {
      child.send('count')
      const [{ received }] = (await once(child, 'message')) as [{ received: number }]
      if (received !== count) throw new Error(`The receiver got ${received} of ${count}.`)
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    }
  }
}
