import type { LevelResult } from './evaluation.ts'

const PANEL = 300
const MARGIN = 60

/** A reliability plot as SVG, a panel per level: predicted against late, by tenths. On the diagonal the model is honest. */
export function reliabilityPlot(levels: readonly LevelResult[]): string {
  const width = MARGIN + levels.length * (PANEL + MARGIN)
  const height = PANEL + 2 * MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>Predicted and observed shares of late invoices, by tenths</title>',
    '<style>text { font: 12px sans-serif; fill: #222 } .axis { stroke: #999 } .even { stroke: #bbb; stroke-dasharray: 4 4 }',
    '.line { fill: none; stroke: #1f5fa8; stroke-width: 1.5 } .dot { fill: #1f5fa8 }</style>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...levels.map((level, index) => panel(level, MARGIN + index * (PANEL + MARGIN))),
    '</svg>',
    ''
  ].join('\n')
}

function panel({ level, deciles }: LevelResult, left: number): string {
  const largest = Math.max(0.01, ...deciles.flatMap(({ meanPredicted, lateRate }) => [meanPredicted, lateRate]))
  const [top, bottom] = [MARGIN, MARGIN + PANEL]
  const at = (share: number) => (share / largest) * PANEL
  const points = deciles.map(({ meanPredicted, lateRate }) => {
    return { x: (left + at(meanPredicted)).toFixed(1), y: (bottom - at(lateRate)).toFixed(1) }
  })
  const scale = `${(largest * 100).toFixed(largest < 0.1 ? 1 : 0)} %`
  return [
    `<text x="${left}" y="${top - 16}">more than ${level} days late</text>`,
    `<path class="axis" fill="none" d="M${left} ${top}V${bottom}H${left + PANEL}"/>`,
    `<path class="even" d="M${left} ${bottom}L${left + PANEL} ${top}"/>`,
    `<polyline class="line" points="${points.map(({ x, y }) => `${x},${y}`).join(' ')}"/>`,
    ...points.map(({ x, y }) => `<circle class="dot" cx="${x}" cy="${y}" r="3"/>`),
    `<text x="${left + PANEL}" y="${bottom + 18}" text-anchor="end">predicted, to ${scale}</text>`,
    `<text x="${left - 8}" y="${top + 4}" text-anchor="end">${scale}</text>`,
    `<text x="${left - 8}" y="${bottom}" text-anchor="end">late</text>`
  ].join('\n')
}
