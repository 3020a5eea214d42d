import { describe, expect, it } from 'vitest'
import { displayWidth, printable, tableText } from '../../../src/demo/text.ts'

describe('the width of names', () => {
  it.each([
    ['Kestrel Freight', 15],
    ['Şəki Şirniyyatı', 15],
    ['שָׁלוֹם', 4],
    ['פַּרְנָס', 4],
    ['پَرنیان', 6],
    ['نرم‌افزار', 8],
    ['é', 1],
    ['e\u0301', 1],
    ['日本', 4],
    ['', 0]
  ])('%s takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width)
  })
})

describe('names from a file on a terminal', () => {
  it('cannot move the cursor, ring the bell or turn the line around', () => {
    expect(printable('a\x1b[2Jb\u0007c\u202Ed\ne')).toBe('a�[2Jb�c�d�e')
    expect(printable('نرم‌افزار')).toBe('نرم‌افزار')
  })
})

describe('tables', () => {
  it('stay aligned whatever script the cells are in', () => {
    const columns = [
      { title: 'name', align: 'left' },
      { title: 'days', align: 'right' }
    ] as const
    const text = tableText(columns, [
      ['پَرنیان', '7'],
      ['Günəş', '1,024'],
      ['日本', '12']
    ])
    const lines = text.split('\n')
    expect(lines).toHaveLength(5)
    expect(new Set(lines.map(displayWidth))).toEqual(new Set([13]))
    expect(lines[0]).toBe('name     days')
  })
})
