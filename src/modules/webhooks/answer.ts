/** What is kept for the attempt log of what a receiver answered. */
const EXCERPT_CHARS = 1_024
/** Enough bytes for that many characters, whatever they are; one takes 4 at most. */
const KEPT_BYTES = 4 * EXCERPT_CHARS

/** Collects a body up to a limit. Only the beginning is held, so that a thousand long answers cost little memory. */
export class AnswerBody {
  #kept: Buffer[] = []
  #keptBytes = 0
  #readBytes = 0

  get readBytes(): number {
    return this.#readBytes
  }

  add(chunk: Buffer): void {
    this.#readBytes += chunk.length
    const room = KEPT_BYTES - this.#keptBytes
    if (room <= 0) return
    const part = chunk.subarray(0, room)
    this.#kept.push(part)
    this.#keptBytes += part.length
  }

  excerpt(): string {
    const [only] = this.#kept
    if (only === undefined) return ''
    return cleanExcerpt(this.#kept.length === 1 ? only : Buffer.concat(this.#kept))
  }
}

/**
 * At most 1,024 UTF-16 units that PostgreSQL can store: text has no NUL there, and what is not UTF-8 becomes U+FFFD. A
 * character that would be cut in half is left out.
 */
export function cleanExcerpt(bytes: Buffer): string {
  const text = bytes.toString('utf8').slice(0, EXCERPT_CHARS)
  const whole = /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text
  return whole.replaceAll('\0', '\uFFFD')
}
