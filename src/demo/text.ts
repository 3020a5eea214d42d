/** Zero columns: combining marks, joiners, directional marks. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u
/** Two columns: East Asian scripts, full-width forms and emoji. */
const DOUBLE_WIDTH =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1F64F}\u{1F680}-\u{1F6FF}\u{1F900}-\u{1F9FF}\u{20000}-\u{3FFFD}]$/u

/** How many columns of a terminal the text takes. Hebrew, Persian and Latin letters take one, their points and marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    if (ZERO_WIDTH.test(character)) continue
    width += DOUBLE_WIDTH.test(character) ? 2 : 1
  }
  return width
}

/** Text from outside as a terminal may show it: without control characters and without overrides of the writing direction. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD')
}

export type Column = Readonly<{ title: string; align: 'left' | 'right' }>

/**
 * A table in aligned columns, two spaces apart, with a line under the titles. Put names in the last column: then a terminal that
 * turns right-to-left text around cannot disturb what follows.
 */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((_, index) => printable(row[index] ?? '')))
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => displayWidth(row[index] ?? ''))))
  const lines = cells.map((row) => aligned(row, { columns, widths }))
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

function aligned(row: readonly string[], { columns, widths }: { columns: readonly Column[]; widths: readonly number[] }): string {
  return columns
    .map(({ align }, index) => {
      const cell = row[index] ?? ''
      const space = ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cell)))
      return align === 'right' ? space + cell : cell + space
    })
    .join('  ')
    .trimEnd()
}
