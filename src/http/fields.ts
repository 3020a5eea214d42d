import { DomainError, type ErrorCode, type ErrorDetails } from '../kernel/errors.ts'
import { type Currency, keptMinorMax, knownCurrency, type Money, parseAmount } from '../kernel/money.ts'

/** A refusal that points into the query, or the path, instead of the body. */
export class ParameterRefusal extends DomainError {
  readonly in: 'query' | 'path'

  constructor(
    code: ErrorCode,
    sentence: string,
    { in: place = 'query', ...details }: ErrorDetails & { in?: 'query' | 'path' } = {}
  ) {
    super(code, sentence, details)
    this.in = place
  }
}

/** Runs what reads one field of a body; its refusal then names that field by its JSON pointer. */
export function at<T>(pointer: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof DomainError) || error.pointer !== undefined) throw error
    throw new DomainError(error.code, error.message, { pointer })
  }
}

/** Where the body has a reference in place of the id that is pointed at, points at that. */
export function pointerIn(body: object, pointer: string): string {
  const toRef = pointer.replace(/^\/(\w+)_id(s?)(?=\/|$)/, '/$1_ref$2')
  return Object.hasOwn(body, toRef.split('/')[1] ?? '') ? toRef : pointer
}

/** Runs what names fields of a body by their ids. Where the body has the references in their place, a refusal names these. */
export async function atRefs<T>(body: object, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof DomainError) || error.pointer === undefined) throw error
    const pointer = pointerIn(body, error.pointer)
    if (pointer === error.pointer) throw error
    throw new DomainError(error.code, error.message, {
      pointer,
      ...(error.existingId !== undefined && { existingId: error.existingId })
    })
  }
}

/** @param pointer of the object that holds `amount` and `currency`; empty where these are fields of the body itself. */
export function moneyFrom(written: { amount: string; currency: string }, pointer: string): Money {
  const of: Currency = at(`${pointer}/currency`, () => knownCurrency(written.currency))
  const minor = at(`${pointer}/amount`, () => parseAmount(written.amount, of))
  if (minor > keptMinorMax) {
    throw new DomainError('invalid_amount', 'The amount is larger than can be kept.', { pointer: `${pointer}/amount` })
  }
  return { minor, currency: of }
}
