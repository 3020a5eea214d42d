import { cpus, platform, release, totalmem } from 'node:os'
import type { Result } from './bench.ts'
import { type Target, type TargetId, type TargetKind, targets, type Verdict, verdictOn } from './targets.ts'

/** A result against its target: medians, and the median of the rounds' own ratios, which drift of the machine cancels out of. */
export type Line = Readonly<{
  id: TargetId
  work: string
  unit: string
  floor: number | null
  figure: number
  /** Null where the target is a plain time. */
  ratio: number | null
  must: number
  aim: number
  kind: TargetKind
  verdict: Verdict
  beside: string | null
  rounds: Readonly<{ floor: readonly number[] | null; figure: readonly number[] }>
}>

export function lineOf(result: Result): Line {
  const target = targets.find(({ id }) => id === result.id)
  if (target === undefined) throw new Error(`There is no target ${result.id}.`)
  const { id, work, must, aim, kind } = target
  const ratio = ratioOf(result, target)
  return {
    ...{ id, work, unit: result.unit, must, aim, kind, ratio },
    floor: result.floor === null ? null : median(result.floor),
    figure: median(result.figure),
    verdict: verdictOn(ratio ?? median(result.figure), target),
    beside: result.beside ?? null,
    rounds: { floor: result.floor, figure: result.figure }
  }
}

/** A rate is better when higher, a time when lower; a share is the better over the worse either way. */
function ratioOf({ floor, figure, unit }: Result, { kind }: Target): number | null {
  if (floor === null) return null
  const isTime = unit === 's' || unit === 'ms'
  const ratios = figure.map((ours, round) => {
    const least = floor[round]
    if (least === undefined) throw new Error('Every round has a floor and a figure.')
    return (kind === 'share') === isTime ? least / ours : ours / least
  })
  return median(ratios)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  if (low === undefined || high === undefined) throw new Error('There is no median of nothing.')
  return (low + high) / 2
}

export function tableOf(lines: readonly Line[]): string {
  const head = ['#', 'work', 'floor', 'figure', 'ratio', 'must', 'aim', 'verdict']
  const rows = lines.map((line) => [
    line.id,
    line.work,
    line.floor === null ? '–' : `${plain(line.floor)} ${line.unit}`,
    `${plain(line.figure)} ${line.unit}`,
    line.ratio === null ? '–' : line.ratio.toFixed(2),
    limitOf(line.must, line.kind),
    limitOf(line.aim, line.kind),
    line.verdict
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const isNumber = (column: number) => column >= 2 && column <= 6
  const written = (row: readonly string[]) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  const besides = lines.flatMap(({ id, beside }) => (beside === null ? [] : [`${id}: ${beside}`]))
  return [written(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(written), '', ...besides].join('\n')
}

function limitOf(limit: number, kind: TargetKind): string {
  if (kind === 'share') return `≥ ${limit.toFixed(2)}`
  return kind === 'times' ? `≤ ${limit}×` : `≤ ${limit} s`
}

function plain(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 10 ? 1 : 2)
}

/** What the figures were taken on: without it they say nothing. */
export function machine() {
  const [first] = cpus()
  return {
    node: process.version,
    platform: `${platform()} ${release()}`,
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30)
  }
}
