/**
 * A refusal: the caller asked for something that the rules forbid. Each code is stable, documented and what clients
 * switch on; `src/http/problem.ts` gives every code its status, so a new one without a status does not compile.
 */
export type ErrorCode =
  // The request itself is wrong.
  | 'invalid_request'
  | 'invalid_amount'
  | 'invalid_date'
  | 'invalid_policy'
  | 'invalid_cursor'
  | 'unknown_currency'
  | 'unknown_region'
  | 'endpoint_url_refused'
  // Who asks.
  | 'unauthorized'
  | 'forbidden'
  // What it names.
  | 'not_found'
  | 'reference_not_found'
  | 'position_lost'
  | 'duplicate_reference'
  // What the state allows.
  | 'concurrent_request'
  | 'version_conflict'
  | 'idempotency_key_reused'
  | 'client_archived'
  | 'client_offboarding'
  | 'client_has_ledger'
  | 'client_has_children'
  | 'nested_parent'
  | 'invoice_not_open'
  | 'invoice_has_payments'
  | 'payment_exceeds_balance'
  | 'exceeds_balance'
  | 'payment_not_pending'
  | 'payment_not_settled'
  | 'currency_mismatch'
  | 'policy_in_use'
  | 'hold_released'
  | 'promise_not_pending'
  | 'invoice_planned'
  | 'plan_ended'
  | 'plan_expired'
  | 'plan_stale'
  | 'invoice_promised'
  | 'exceeds_balance'
  | 'hold_has_origin'
  | 'dispute_not_open'
  | 'last_admin_key'
  | 'limit_reached'
  | 'not_a_test_organization'
  | 'clock_moves_forward_only'
  | 'clock_passes_due_work'
  | 'clock_advance_too_long'
  | 'clock_is_advancing'
  | 'delivery_not_retryable'
  | 'endpoint_disabled'
  // The service.
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'rate_limited'
  | 'unavailable'
  | 'internal_error'

export type ErrorDetails = Readonly<{
  /** The JSON pointer of the field that broke the rule, such as `/amount` or `/stages/2/offset_days`. */
  pointer?: string
  /** The id of the object that stands in the way, where its owner may know it. */
  existingId?: string
}>

export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: ErrorCode
  readonly pointer: string | undefined
  readonly existingId: string | undefined

  constructor(code: ErrorCode, sentence: string, details: ErrorDetails = {}) {
    super(sentence)
    this.code = code
    this.pointer = details.pointer
    this.existingId = details.existingId
  }
}

/** @throws DomainError for a body that states a field without the one that it says something of. */
export function requireTogether<Field extends string>(
  body: Readonly<Partial<Record<Field, unknown>>>,
  stated: Field,
  of: Field
): void {
  if (body[stated] === undefined || body[of] !== undefined) return
  throw new DomainError('invalid_request', `\`${stated}\` belongs to \`${of}\`: send both, or neither.`, {
    pointer: `/${stated}`
  })
}
