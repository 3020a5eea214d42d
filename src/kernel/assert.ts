/** Thrown when the code itself is wrong. Callers never cause it, so it becomes a 500 and a page, not a refusal. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** States what must be true for the code after it to be right. For what a caller may get wrong, throw a `DomainError`. */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new AssertionError(sentence)
}
