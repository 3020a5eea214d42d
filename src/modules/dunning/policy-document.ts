import { DomainError } from '../../kernel/errors.ts'
import { type Currency, currency, formatAmount, parseAmount, storedCurrency } from '../../kernel/money.ts'
import type { ContactRole } from '../clients/client.ts'
import {
  type ClosedDueDay,
  checkPolicy,
  type DisputedPart,
  defaultPolicy,
  type Policy,
  type Progression,
  type Stage,
  type StageAction,
  type Tone
} from './policy.ts'

/** A stage as it travels and is stored; what is absent has the default in brackets. */
export type StageDocument = Readonly<{
  code: string
  offset_days: number
  tone: Tone
  /** [0] */
  grace_days?: number
  /** [null] */
  action?: StageAction | null
  /** [null] */
  repeat_every_days?: number | null
  /** [[]] */
  audience?: readonly ContactRole[]
}>

/** A policy as it travels and is stored (`jsonb`); what is absent is as in the default policy, and no minimum balance. */
export type PolicyDocument = Readonly<{
  name: string
  progression?: Progression
  min_days_between?: number
  /** Decimal amounts by currency: `{"EUR": "5.00"}`. */
  min_balance?: Readonly<Record<string, string>>
  business_days?: boolean
  due_on_closed_day?: ClosedDueDay
  send_at?: string
  disputed_part?: DisputedPart
  /** [null] */
  contact_limits?: Readonly<{ min_days: number; per_week: number }> | null
  stages: readonly StageDocument[]
}>

/** The document with nothing left to a default, so that a stored version stays what it was when the defaults change. */
export type FullPolicyDocument = Required<Omit<PolicyDocument, 'stages'>> &
  Readonly<{ stages: readonly Required<StageDocument>[] }>

export function policyToJson(policy: Policy): FullPolicyDocument {
  const { contactLimits: limits } = policy
  const minBalance = [...policy.minBalanceMinor].map(([code, minor]) => [code, formatAmount(minor, code)] as const)
  return {
    name: policy.name,
    progression: policy.progression,
    min_days_between: policy.minDaysBetween,
    min_balance: Object.fromEntries(minBalance),
    business_days: policy.businessDays,
    due_on_closed_day: policy.dueOnClosedDay,
    send_at: policy.sendAt,
    disputed_part: policy.disputedPart,
    contact_limits: limits && { min_days: limits.minDays, per_week: limits.perWeek },
    stages: policy.stages.map((stage) => ({
      code: stage.code,
      offset_days: stage.offsetDays,
      tone: stage.tone,
      grace_days: stage.graceDays,
      action: stage.action,
      repeat_every_days: stage.repeatEveryDays,
      audience: [...stage.audience]
    }))
  }
}

/**
 * What a caller sends; what its shape cannot say is refused as `checkPolicy` and the money rules say, with a pointer.
 * @param former the version that it replaces: a currency that has a minimum there keeps one, though it is retired since.
 */
export function checkedPolicyFrom(document: PolicyDocument, former?: PolicyDocument): Policy {
  const policy = {
    ...policyFromJson({ ...document, min_balance: {} }),
    minBalanceMinor: checkedMinimums(document.min_balance ?? {}, former?.min_balance ?? {})
  }
  checkPolicy(policy)
  return policy
}

/** A stored version, which was checked when it was written: what is refused today, or a currency that is retired since, is read as it is. */
export function policyFromJson(document: PolicyDocument): Policy {
  return {
    name: document.name,
    progression: document.progression ?? defaultPolicy.progression,
    minDaysBetween: document.min_days_between ?? defaultPolicy.minDaysBetween,
    minBalanceMinor: minimumsFrom(document.min_balance ?? {}),
    businessDays: document.business_days ?? defaultPolicy.businessDays,
    dueOnClosedDay: document.due_on_closed_day ?? defaultPolicy.dueOnClosedDay,
    sendAt: document.send_at ?? defaultPolicy.sendAt,
    disputedPart: document.disputed_part ?? defaultPolicy.disputedPart,
    contactLimits: contactLimitsFrom(document.contact_limits ?? null),
    stages: document.stages.map(stageFrom)
  }
}

function stageFrom(document: StageDocument): Stage {
  return {
    code: document.code,
    offsetDays: document.offset_days,
    tone: document.tone,
    graceDays: document.grace_days ?? 0,
    action: document.action ?? null,
    repeatEveryDays: document.repeat_every_days ?? null,
    audience: document.audience ?? []
  }
}

function contactLimitsFrom(limits: NonNullable<PolicyDocument['contact_limits']> | null): Policy['contactLimits'] {
  return limits && { minDays: limits.min_days, perWeek: limits.per_week }
}

function minimumsFrom(amounts: Readonly<Record<string, string>>): ReadonlyMap<Currency, bigint> {
  return new Map(
    Object.entries(amounts).map(([code, amount]) => [storedCurrency(code), parseAmount(amount, storedCurrency(code))] as const)
  )
}

function checkedMinimums(
  amounts: Readonly<Record<string, string>>,
  former: Readonly<Record<string, string>>
): ReadonlyMap<Currency, bigint> {
  const minimums = new Map<Currency, bigint>()
  for (const [code, amount] of Object.entries(amounts)) {
    try {
      const known = Object.hasOwn(former, code) ? storedCurrency(code) : currency(code)
      minimums.set(known, parseAmount(amount, known))
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      throw new DomainError(error.code, error.message, { pointer: `/min_balance/${escapedForPointer(code)}` })
    }
  }
  return minimums
}

/** RFC 6901, section 3. */
function escapedForPointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
