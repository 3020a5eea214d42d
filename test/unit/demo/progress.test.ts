import { describe, expect, it } from 'vitest'
import { createProgress, duration } from '../../../src/demo/progress.ts'

function screen(over: { isTTY?: boolean; columns?: number; total?: number } = {}) {
  const written: string[] = []
  const time = { ms: 1_000 }
  const { isTTY = true, columns = 100, total = 400 } = over
  const progress = createProgress({
    label: 'Walking',
    total,
    unit: 'days',
    out: { isTTY, columns, write: (text) => written.push(text) },
    nowMs: () => time.ms
  })
  return { written, time, progress }
}

describe('progress on a terminal', () => {
  it('redraws one line at most ten times a second, however often it is told', () => {
    const { written, time, progress } = screen()
    for (let step = 1; step <= 100; step += 1) {
      time.ms += 10
      progress.update(step)
    }
    expect(written.length).toBeLessThanOrEqual(11)
    expect(written.every((text) => text.startsWith('\r') && text.endsWith('\x1b[K') && !text.includes('\n'))).toBe(true)
  })

  it('shows what is done, the rate, the remaining time and the remark', () => {
    const { written, time, progress } = screen()
    for (let step = 1; step <= 10; step += 1) {
      time.ms += 1_000
      progress.update(step * 10, '2025-02-03')
    }
    expect(written.at(-1)).toBe('\rWalking ██████░░░░░░░░░░░░░░░░░░  25% 100/400 days · 10 days/s · 30 s left · 2025-02-03\x1b[K')
  })

  it('follows a job that grows slower', () => {
    const { written, time, progress } = screen({ total: 2_000 })
    time.ms += 1_000
    progress.update(1_000)
    for (let step = 1; step <= 20; step += 1) {
      time.ms += 1_000
      progress.update(1_000 + step)
    }
    expect(written.at(-1)).toContain('1.0 days/s · 16 min 20 s left')
  })

  it('never fills the last column, so that a narrow terminal does not scroll', () => {
    const { written, time, progress } = screen({ columns: 30 })
    time.ms += 1_000
    progress.update(100, 'שרון')
    expect(written.at(-1)?.replace('\r', '').replace('\x1b[K', '').length).toBe(29)
  })

  it('ends with the line of the whole job and a line break', () => {
    const { written, time, progress } = screen()
    time.ms += 80_000
    progress.update(400)
    progress.finish()
    expect(written.slice(-2)).toEqual([
      '\rWalking ████████████████████████ 100% 400/400 days · 5.0 days/s · in 1 min 20 s\x1b[K',
      '\n'
    ])
  })
})

describe('progress without a terminal', () => {
  it('writes a plain line every five seconds and one at the end', () => {
    const { written, time, progress } = screen({ isTTY: false })
    for (let step = 1; step <= 120; step += 1) {
      time.ms += 100
      progress.update(step)
    }
    progress.finish()
    expect(written).toEqual([
      'Walking  12% · 50/400 days · 10 days/s · 35 s left\n',
      'Walking  25% · 100/400 days · 10 days/s · 30 s left\n',
      'Walking  30% · 120/400 days · 10 days/s · 28 s left\n'
    ])
  })

  it('divides by nothing when there is nothing to do', () => {
    const { written, progress } = screen({ isTTY: false, total: 0 })
    progress.finish()
    expect(written).toEqual(['Walking 100% · 0/0 days · – days/s · in 0 s\n'])
  })
})

describe('durations', () => {
  it('are said in the two largest units', () => {
    expect([400, 59_400, 59_600, 80_000, 3_599_600, 7_500_000].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min 0 s',
      '1 min 20 s',
      '1 h 0 min',
      '2 h 5 min'
    ])
  })
})
