import type { BenchServer } from './database.ts'
import type { TargetId } from './targets.ts'

/** What a bench found for one target: one value per round, floor and figure measured right after one another. */
export type Result = Readonly<{
  id: TargetId
  /** Of both: `req/s`, `s` … */
  unit: string
  /** Null where the target is a plain time. */
  floor: readonly number[] | null
  figure: readonly number[]
  /** What else is worth a line under the table. */
  beside?: string
}>

/** Says what is happening, on standard error. */
export type Progress = Readonly<{ step: (line: string) => void }>

export type BenchContext = Readonly<{
  server: BenchServer
  rounds: number
  /** Less data and shorter rounds: whether it works, not how fast. */
  isQuick: boolean
  progress: Progress
}>

/** One file of this folder. `ids` are the targets that it measures. */
export type Bench = Readonly<{ ids: readonly TargetId[]; run: (context: BenchContext) => Promise<readonly Result[]> }>
