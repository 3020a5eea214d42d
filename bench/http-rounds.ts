import type { BenchContext } from './bench.ts'
import { type Load, type Loaded, startLoadGenerator } from './load.ts'
import { median } from './report.ts'

export type HttpRounds = Readonly<{ floor: number[]; figure: number[]; p99Ms: number }>

type HttpLoad = Omit<Load, 'origin' | 'seconds' | 'requestsMax'>

type Sides = Readonly<{
  /** In the progress. */
  id: string
  floorOrigin: string
  origin: string
  load: HttpLoad
  /** Where the floor is asked for something else. */
  floorLoad?: HttpLoad
  /** What both sides have written so far gets its statistics, as it has in a database in use: plans are made by them. */
  analyze?: () => Promise<unknown>
  /** Something to be measured beside, in each round. */
  also?: () => Promise<string>
}>

const REQUESTS_MAX = 100_000
/** The compiler has seen what it is going to see. */
const WARM_S = 6
/** A round is made of short turns, so that what else the machine does falls on both alike. */
const TURNS = 8

/** Floor and figure in turns, round after round, from the same process with the same requests over as many connections. */
export async function httpRounds({ rounds, isQuick, progress }: BenchContext, sides: Sides): Promise<HttpRounds> {
  const { id, floorOrigin, origin, load, floorLoad = load, analyze, also } = sides
  const generator = await startLoadGenerator()
  const askFloor = (seconds: number) => generator.send({ ...floorLoad, origin: floorOrigin, seconds, requestsMax: REQUESTS_MAX })
  const askUs = (seconds: number) => generator.send({ ...load, origin, seconds, requestsMax: REQUESTS_MAX })
  const found = { floor: [] as number[], figure: [] as number[] }
  let p99Ms = 0
  try {
    // Compiled code, plans and caches are warm in a service that runs.
    for (const warm of [askFloor, askUs, askFloor, askUs]) await warm(isQuick ? 0.5 : WARM_S)
    await analyze?.()
    for (let round = 1; round <= rounds; round++) {
      const turns: { least: Loaded; ours: Loaded }[] = []
      for (let turn = 1; turn <= (isQuick ? 2 : TURNS); turn++) {
        turns.push({ least: await askFloor(0.6), ours: await askUs(0.6) })
      }
      const [least, ours] = [rateOf(turns.map((turn) => turn.least)), rateOf(turns.map((turn) => turn.ours))]
      found.floor.push(least)
      found.figure.push(ours)
      p99Ms = Math.max(p99Ms, median(turns.map((turn) => turn.ours.p99Ms)))
      const beside = also === undefined ? '' : `, ${await also()}`
      progress.step(`${id} round ${round} of ${rounds}: floor ${least.toFixed(0)}, figure ${ours.toFixed(0)} req/s${beside}`)
    }
  } finally {
    await generator.stop()
  }
  return { ...found, p99Ms }
}

/** Requests per second over several turns. */
function rateOf(turns: readonly Loaded[]): number {
  return turns.reduce((sum, { requests }) => sum + requests, 0) / turns.reduce((sum, { seconds }) => sum + seconds, 0)
}
