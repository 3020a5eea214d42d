import type { Bench, BenchContext } from './bench.ts'
import { startReceiver } from './delivery-receiver.ts'
import { startWorker } from './delivery-worker.ts'

const HEALTHY = 99
const standard = { maxInFlight: 20, timeoutMs: 15_000 }

export const bench: Bench = {
  ids: ['P8'],
  async run(context) {
    const { floor, figure, beside } = await measure(context)
    return [{ id: 'P8', unit: 's', floor, figure, beside }]
  }
}

/** Each round drains the healthy endpoints alone, then again beside a new one that takes requests and never answers. */
async function measure({ server, rounds, isQuick, progress }: BenchContext) {
  const [count, hanging] = isQuick ? [2_000, 1_000] : [10_000, 5_000]
  const { name, url } = await server.createDatabase()
  const receiver = await startReceiver()
  const worker = await startWorker(url)
  const [floor, figure]: [number[], number[]] = [[], []]
  try {
    const healthy: string[] = []
    for (let n = 0; n < HEALTHY; n++) healthy.push(await worker.subscribe(receiver.url, standard))
    const drain = async () => {
      await worker.queue(healthy, count)
      await server.checkpoint()
      const { answeredS } = await worker.deliver(count)
      await receiver.expect(count)
      return answeredS
    }
    for (let round = 0; round <= rounds; round++) {
      progress.step(`hanging endpoint: ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${count} webhooks twice`)
      const alone = await drain()
      const bad = await worker.subscribe(receiver.hangingUrl, standard)
      await worker.queue([bad], hanging)
      const beside = await drain()
      await worker.unsubscribe(bad)
      if (round === 0) continue
      floor.push(alone)
      figure.push(beside)
    }
  } finally {
    await worker.stop()
    await receiver.stop()
  }
  await server.drop(name)
  return { floor, figure, beside: `${count} webhooks to ${HEALTHY} endpoints, beside ${hanging} to one that never answers` }
}
