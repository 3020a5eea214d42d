import { displayWidth } from './text.ts'

/** Where progress is written: a terminal, or a file or pipe. `process.stderr` is one. */
export type ProgressOut = { readonly isTTY?: boolean; readonly columns?: number; write: (text: string) => unknown }

export type ProgressOptions = Readonly<{
  /** What is being done, a word or two. */
  label: string
  /** How many units there are. 0 is allowed: there is nothing to do. */
  total: number
  /** What is counted, in the plural: "days". */
  unit: string
  out: ProgressOut
  /** Milliseconds from any fixed start, never going back, such as `performance.now`. */
  nowMs: () => number
  /** How often a line is written where there is no terminal. */
  plainEveryMs?: number
}>

export type Progress = Readonly<{
  /** States how many units are done so far, with a remark such as the day that is being walked. Cheap: most calls draw nothing. */
  update: (done: number, remark?: string) => void
  /** Draws the last state and ends the line. */
  finish: () => void
}>

const REDRAW_MS = 100
const RATE_WINDOW_MS = 10_000
const BAR_CELLS = 24

type Sample = Readonly<{ atMs: number; done: number }>

/**
 * Shows how far a long job is: on a terminal as one line that is redrawn at most ten times a second, elsewhere as a plain line
 * every few seconds. The rate is that of the last ten seconds, so the remaining time follows a job that grows slower.
 */
export function createProgress({ label, total, unit, out, nowMs, plainEveryMs = 5_000 }: ProgressOptions): Progress {
  const everyMs = out.isTTY === true ? REDRAW_MS : plainEveryMs
  const startedMs = nowMs()
  let samples: Sample[] = [{ atMs: startedMs, done: 0 }]
  let state = { done: 0, remark: '' }
  let drawnMs = out.isTTY === true ? Number.NEGATIVE_INFINITY : startedMs

  const draw = (atMs: number) => {
    drawnMs = atMs
    const perSecond = rateOf(samples)
    const facts = [
      `${count(state.done)}/${count(total)} ${unit}`,
      `${perSecond === undefined ? '–' : perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond))} ${unit}/s`,
      state.done >= total ? `in ${duration(atMs - startedMs)}` : `${leftOf(perSecond, total - state.done)} left`,
      ...(state.remark === '' ? [] : [state.remark])
    ].join(' · ')
    if (out.isTTY !== true) out.write(`${label} ${percent(state.done, total)} · ${facts}\n`)
    else
      out.write(
        `\r${fitted(`${label} ${bar(state.done, total)} ${percent(state.done, total)} ${facts}`, out.columns ?? 80)}\x1b[K`
      )
  }

  return {
    update: (done, remark = '') => {
      state = { done: Math.min(done, total), remark }
      const atMs = nowMs()
      if (atMs - drawnMs < everyMs) return
      samples = [...samples.filter((sample) => atMs - sample.atMs <= RATE_WINDOW_MS), { atMs, done: state.done }]
      draw(atMs)
    },
    finish: () => {
      const atMs = nowMs()
      // The last line gives the rate of the whole job.
      samples = [
        { atMs: startedMs, done: 0 },
        { atMs, done: state.done }
      ]
      draw(atMs)
      if (out.isTTY === true) out.write('\n')
    }
  }
}

/** Units per second between the oldest and the newest sample; undefined while no time has passed. */
function rateOf(samples: readonly Sample[]): number | undefined {
  const [first] = samples
  const last = samples.at(-1)
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return undefined
  return ((last.done - first.done) * 1_000) / (last.atMs - first.atMs)
}

function leftOf(perSecond: number | undefined, left: number): string {
  return perSecond === undefined || perSecond <= 0 ? '–' : duration((left / perSecond) * 1_000)
}

function percent(done: number, total: number): string {
  return `${String(total === 0 ? 100 : Math.floor((done / total) * 100)).padStart(3)}%`
}

function bar(done: number, total: number): string {
  const full = total === 0 ? BAR_CELLS : Math.floor((done / total) * BAR_CELLS)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`
}

/** "8 s", "1 min 20 s", "2 h 5 min". */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Cuts a line to one column less than the terminal has: a full line would wrap, and the next redraw would leave it behind. */
function fitted(line: string, columns: number): string {
  let result = ''
  let width = 0
  for (const character of line) {
    width += displayWidth(character)
    if (width >= columns) return result
    result += character
  }
  return result
}
