import type { Bench, BenchContext } from './bench.ts'
import { type Receiver, startReceiver } from './delivery-receiver.ts'
import { sendsOf, startWorker } from './delivery-worker.ts'
import { startGraphileWorker } from './graphile-worker.ts'
import { startPgBoss } from './pg-boss.ts'
import { median } from './report.ts'
import { execute } from './service.ts'
import { installQueues, openSending, type Yardstick } from './yardstick.ts'

export const bench: Bench = {
  ids: ['P7'],
  async run(context) {
    installQueues(context.progress)
    const { floor, figure, beside } = await measure(context)
    return [{ id: 'P7', unit: '/s', floor, figure, beside }]
  }
}

type Lane = Readonly<{ name: string; seconds: (count: number) => Promise<number>; stop: () => Promise<void> }>

/** The queues take turns in going first, so that none always finds the machine as another left it. */
async function measure({ server, rounds, isQuick, progress }: BenchContext) {
  const count = isQuick ? 2_000 : 10_000
  const receiver = await startReceiver()
  const [ours, ...others] = [
    await ourLane(await server.createDatabase(), { receiver, server }),
    await laneOf(startGraphileWorker, await server.createDatabase(), { receiver, server }),
    await laneOf(startPgBoss, await server.createDatabase(), { receiver, server })
  ]
  const lanes = [ours, ...others]
  const rates = new Map(lanes.map(({ name }) => [name, [] as number[]]))
  try {
    for (let round = 0; round <= rounds; round++) {
      progress.step(`job queues: ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${count} webhooks each`)
      for (const { name, seconds } of [...lanes.slice(round % lanes.length), ...lanes.slice(0, round % lanes.length)]) {
        const took = await seconds(count)
        await receiver.expect(count)
        if (round > 0) rates.get(name)?.push(count / took)
      }
    }
  } finally {
    for (const { stop } of lanes) await stop()
    await receiver.stop()
  }
  const ratesOf = ({ name }: Lane) => rates.get(name) ?? []
  const [best, ...slower] = others.toSorted((a, b) => median(ratesOf(b)) - median(ratesOf(a)))
  if (best === undefined) throw new Error('There is something to compare with.')
  const told = [best, ...slower].map((lane) => `${lane.name} ${median(ratesOf(lane)).toFixed(0)}/s`)
  return { floor: ratesOf(best), figure: ratesOf(ours), beside: `${count} webhooks; ${told.join(', ')}` }
}

type Fresh = Readonly<{ name: string; url: string }>
type Place = Readonly<{ receiver: Receiver; server: BenchContext['server'] }>

async function ourLane({ name, url }: Fresh, { receiver, server }: Place): Promise<Lane> {
  const worker = await startWorker(url)
  const endpointId = await worker.subscribe(receiver.url, { maxInFlight: 1_000, timeoutMs: 10_000 })
  return {
    name: 'dunwell',
    async seconds(count) {
      await worker.queue([endpointId], count)
      await settled(url, server)
      const { writtenS } = await worker.deliver(count)
      if ((await worker.left()) !== 0) throw new Error('Deliveries were left.')
      return writtenS
    },
    async stop() {
      await worker.stop()
      await server.drop(name)
    }
  }
}

/** Plans are made by what a table looks like, and these are filled and emptied faster than the server looks. */
async function settled(url: string, server: BenchContext['server']): Promise<void> {
  await execute(url, 'vacuum analyze')
  await server.checkpoint()
}

async function laneOf(
  start: (url: string) => Promise<Yardstick>,
  { name, url }: Fresh,
  { receiver, server }: Place
): Promise<Lane> {
  const yardstick = await start(url)
  const sending = await openSending(url, receiver.url)
  return {
    name: yardstick.name,
    async seconds(count) {
      await yardstick.queue(sendsOf(count))
      await settled(url, server)
      const startedAt = performance.now()
      await yardstick.deliver(count, sending.sending)
      const seconds = (performance.now() - startedAt) / 1000
      const logged = await sending.logged()
      if (logged !== count) throw new Error(`${yardstick.name} logged ${logged} of ${count}.`)
      return seconds
    },
    async stop() {
      await yardstick.stop()
      await sending.close()
      await server.drop(name)
    }
  }
}
