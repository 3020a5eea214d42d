import type { BenchContext } from './bench.ts'
import { type Load, startLoadGenerator } from './load.ts'

export type HttpRounds = Readonly<{ floor: number[]; figure: number[]; p99Ms: number }>

type Sides = Readonly<{
  /** In the progress. */
  id: string
  floorOrigin: string
  origin: string
  load: Omit<Load, 'origin' | 'seconds' | 'requestsMax'>
  /** Something to be measured beside, in each round. */
  also?: () => Promise<string>
}>

const REQUESTS_MAX = 100_000

/** Floor, then figure, round after round, from the same process with the same requests over as many connections. */
export async function httpRounds({ rounds, isQuick, progress }: BenchContext, sides: Sides): Promise<HttpRounds> {
  const { id, floorOrigin, origin, load, also } = sides
  const generator = await startLoadGenerator()
  const send = (to: string, seconds: number) => generator.send({ ...load, origin: to, seconds, requestsMax: REQUESTS_MAX })
  const found = { floor: [] as number[], figure: [] as number[] }
  let p99Ms = 0
  try {
    // Compiled code, plans and caches are warm in a service that runs.
    for (const warmed of [floorOrigin, origin, floorOrigin, origin]) await send(warmed, isQuick ? 0.5 : 2)
    for (let round = 1; round <= rounds; round++) {
      const least = await send(floorOrigin, isQuick ? 1 : 4)
      const ours = await send(origin, isQuick ? 1 : 4)
      const beside = also === undefined ? '' : `, ${await also()}`
      found.floor.push(least.perSecond)
      found.figure.push(ours.perSecond)
      p99Ms = Math.max(p99Ms, ours.p99Ms)
      const [low, high] = [least.perSecond.toFixed(0), ours.perSecond.toFixed(0)]
      progress.step(`${id} round ${round} of ${rounds}: floor ${low}, figure ${high} req/s${beside}`)
    }
  } finally {
    await generator.stop()
  }
  return { ...found, p99Ms }
}
