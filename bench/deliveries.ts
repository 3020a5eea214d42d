import { Agent } from 'undici'
import type { Bench, BenchContext } from './bench.ts'
import { startReceiver } from './delivery-receiver.ts'
import { bodyOf, CONCURRENCY, sendsOf, startWorker } from './delivery-worker.ts'
import { median } from './report.ts'
import { createPost } from './signed-post.ts'

export const bench: Bench = {
  ids: ['P6'],
  async run(context) {
    const { floor, figure, beside } = await measure(context)
    return [{ id: 'P6', unit: '/s', floor, figure, beside }]
  }
}

async function measure({ server, rounds, isQuick, progress }: BenchContext) {
  const count = isQuick ? 2_000 : 20_000
  const { name, url } = await server.createDatabase()
  const receiver = await startReceiver()
  const worker = await startWorker(url)
  const endpointId = await worker.subscribe(receiver.url, { maxInFlight: 1_000, timeoutMs: 10_000 })
  const [floor, figure]: [number[], number[]] = [[], []]
  try {
    for (let round = 0; round <= rounds; round++) {
      progress.step(`deliveries: ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${count} webhooks`)
      const least = await bareLoop(receiver.url, count)
      await receiver.expect(count)
      await worker.queue([endpointId], count)
      await server.checkpoint()
      const { writtenS } = await worker.deliver(count)
      await receiver.expect(count)
      const left = await worker.left()
      if (left !== 0) throw new Error(`${left} deliveries were left.`)
      if (round === 0) continue
      floor.push(count / least)
      figure.push(count / writtenS)
    }
  } finally {
    await worker.stop()
    await receiver.stop()
  }
  await server.drop(name)
  return {
    floor,
    figure,
    beside: `${CONCURRENCY} at a time, bodies of ${bodyOf(0).length} bytes, median of ${median(figure).toFixed(0)}/s`
  }
}

/** The least that sending could cost: sign with the secret at hand, POST, read the answer. Nothing is read, claimed or written. */
async function bareLoop(url: string, count: number): Promise<number> {
  const sends = sendsOf(count)
  const agent = new Agent({ connections: CONCURRENCY, pipelining: 1 })
  const post = createPost(url, agent)
  const startedAt = performance.now()
  const send = async () => {
    for (let next = sends.pop(); next !== undefined; next = sends.pop()) await post(next)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, send))
  const seconds = (performance.now() - startedAt) / 1000
  await agent.close()
  return seconds
}
