import { DomainError } from '../../kernel/errors.ts'
import { isSameNamed, type Named, namedStandingOf, type Payment, standingOf, type WholePayment } from './payment.ts'
import type { PaymentStatus } from './table.ts'

export type SaidStatus = 'settled' | 'pending' | 'failed'

/**
 * What becomes of a payment when its source states a status:
 * `correct` what differs and keep the status, `settle` announced money, `end` it as failed or reversed, `anew` record it once more,
 * `stay` as it ended.
 */
export type Step = 'correct' | 'settle' | 'end' | 'anew' | 'stay'

const ended = { unsaid: 'stay', pending: 'anew', settled: 'anew', failed: 'stay' } as const
const steps: Readonly<Record<PaymentStatus, Readonly<Record<SaidStatus | 'unsaid', Step>>>> = {
  pending: { unsaid: 'correct', pending: 'correct', settled: 'settle', failed: 'end' },
  settled: { unsaid: 'correct', pending: 'anew', settled: 'correct', failed: 'end' },
  failed: ended,
  reversed: ended
}

export function stepFor(status: PaymentStatus, said: SaidStatus | undefined): Step {
  return steps[status][said ?? 'unsaid']
}

/** What a source states of a payment that is known, with its references resolved. What is absent is not stated. */
export type Said = Readonly<
  Partial<
    Pick<
      Payment,
      | 'clientId'
      | 'currency'
      | 'amountMinor'
      | 'receivedOn'
      | 'maturesOn'
      | 'instrument'
      | 'method'
      | 'reference'
      | 'reservedFor'
      | 'reversalReason'
      | 'reversedOn'
      | 'metadata'
    > & { allocations: readonly Named[] }
  >
>
export type SaidField = keyof Said

/**
 * What a statement says otherwise than it is: allocations as they stand or wait, or as they are announced. What was applied automatically
 * beside the named ones is no difference where the same ones are named again.
 */
export function differencesOf(view: WholePayment, said: Said): Set<SaidField> {
  const { payment } = view
  const { allocations: wanted, ...fields } = said
  const differing = Object.entries(fields).filter(([field, value]) => !isSame(payment[field as keyof Payment], value))
  const differences = new Set(differing.map(([field]) => field as SaidField))
  const stands = [standingOf(view), ...(payment.status === 'settled' ? [namedStandingOf(view)] : [])]
  if (wanted !== undefined && !stands.some((one) => isSameNamed(wanted, one))) differences.add('allocations')
  return differences
}

/** Of flat values; the order of keys says nothing. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b
  const others = new Map(Object.entries(b))
  const own = Object.entries(a)
  return own.length === others.size && own.every(([key, value]) => others.get(key) === value)
}

const identity: readonly SaidField[] = ['clientId', 'currency', 'amountMinor', 'reservedFor']

/** What makes it another payment: it is taken back as entered wrongly and recorded anew. */
export function isAnother(status: PaymentStatus, step: Step, differences: ReadonlySet<SaidField>): boolean {
  const isAnnounced = status === 'pending' && step !== 'settle'
  // Of announced money they say what is held, and until when; of what came they only describe it.
  const more: readonly SaidField[] = isAnnounced ? ['maturesOn', 'instrument', 'allocations'] : []
  const received: readonly SaidField[] = status === 'settled' ? ['receivedOn'] : []
  return [...identity, ...more, ...received].some((field) => differences.has(field))
}

/** @throws DomainError naming a field that has no place in what the payment becomes. */
export function refuseMisplaced(
  step: Step,
  said: Said,
  { status, saidStatus }: { status: PaymentStatus; saidStatus: SaidStatus | undefined }
): void {
  for (const [field, pointer] of [
    ['reversalReason', '/reversal_reason'],
    ['reversedOn', '/reversed_on']
  ] as const) {
    if (said[field] === undefined) continue
    if (saidStatus !== 'failed') {
      const sentence = 'Only money that is gone again has a reason and a day for that: send `status: failed` with them.'
      throw new DomainError('invalid_request', sentence, { pointer })
    }
    const isReceived = status === 'settled' || status === 'reversed' || said.receivedOn !== undefined
    if (!isReceived) {
      const sentence = 'Money that never came did not go again: send `received_on` where it came.'
      throw new DomainError('invalid_request', sentence, { pointer })
    }
  }
  if (status === 'pending' && step === 'correct' && said.receivedOn !== undefined) {
    const sentence = 'The money is only announced: send `status: settled` with the day on which it came.'
    throw new DomainError('invalid_request', sentence, { pointer: '/received_on' })
  }
}
