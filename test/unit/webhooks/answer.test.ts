import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerBody, cleanExcerpt } from '../../../src/modules/webhooks/answer.ts'

describe('the stored part of an answer', () => {
  it('is text that PostgreSQL takes, whatever bytes came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), (bytes) => {
        const text = cleanExcerpt(Buffer.from(bytes))
        expect(text.length).toBeLessThanOrEqual(1_024)
        expect(text).not.toContain('\0')
        expect(text.isWellFormed()).toBe(true)
      })
    )
  })

  it('replaces NUL and what is not UTF-8, and keeps the rest', () => {
    expect(cleanExcerpt(Buffer.from([0x61, 0x00, 0xff, 0xc3, 0xa9]))).toBe('a\uFFFD\uFFFDé')
  })

  it('does not cut a character in half', () => {
    expect(cleanExcerpt(Buffer.from(`${'a'.repeat(1_023)}🧾`))).toBe('a'.repeat(1_023))
    expect(cleanExcerpt(Buffer.from(`${'a'.repeat(1_022)}🧾b`))).toBe(`${'a'.repeat(1_022)}🧾`)
  })

  it('is the same however the body was split on its way', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 1_500 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 20 }),
        (text, sizes) => {
          const bytes = Buffer.from(text)
          const body = new AnswerBody()
          let from = 0
          for (const size of [...sizes, bytes.length]) {
            body.add(bytes.subarray(from, from + size))
            from += size
          }
          expect(body.excerpt()).toBe(cleanExcerpt(bytes))
          expect(body.readBytes).toBe(bytes.length)
        }
      )
    )
  })

  it('holds little of a long body but counts all of it', () => {
    const body = new AnswerBody()
    for (let n = 0; n < 100; n += 1) body.add(Buffer.alloc(1_000, 'x'))
    expect(body.readBytes).toBe(100_000)
    expect(body.excerpt()).toBe('x'.repeat(1_024))
  })
})
