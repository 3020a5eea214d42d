import { createHmac, randomBytes } from 'node:crypto'
import { type Dispatcher, request } from 'undici'
import type { Send } from './delivery-worker.ts'

/** Signs with a secret at hand, posts and reads the answer: what any sender of webhooks has to do, and no more. */
export function createPost(url: string, dispatcher: Dispatcher): (send: Send) => Promise<number> {
  const secret = randomBytes(32)
  return async ({ id, body }) => {
    const timestamp = String(Math.floor(Date.now() / 1000))
    const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64')
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`
    }
    const answer = await request(url, { method: 'POST', headers, body, dispatcher })
    await answer.body.dump()
    if (answer.statusCode !== 204) throw new Error(`The receiver answered ${answer.statusCode}.`)
    return answer.statusCode
  }
}
