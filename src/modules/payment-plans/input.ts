import type { Reader } from '../../db/client.ts'
import { day } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import { amountAt } from '../invoices/input.ts'
import type { ReferenceService } from '../references/service.ts'
import type { Acceptance } from './plan.ts'
import type { NewPlan } from './proposal-service.ts'
import type { Schedule } from './schedule.ts'
import type { AcceptPlanBody, ProposePlanBody, RenegotiatePlanBody, ScheduleBody } from './schemas.ts'

const GRACE_DAYS = 3
const BREAK_AFTER_MISSED = 2

/** Finds what the body names by references. Amounts are read once the invoices' currency is known. */
export async function newPlanFrom(reader: Reader, body: ProposePlanBody, references: ReferenceService): Promise<NewPlan> {
  const { client_id: id, client_ref: named } = body
  const pointers = { id: '/client_id', ref: '/client_ref' }
  const invoices = { kind: 'invoice', ids: body.invoice_ids, refs: body.invoice_refs } as const
  const [clientId, invoiceIds] = await Promise.all([
    references.resolve(reader, { kind: 'client', id, ref: named, pointers }),
    references.resolveMany(reader, invoices)
  ])
  if (invoiceIds === null) {
    throw new DomainError('invalid_request', 'Name the invoices here, or by their references in invoice_refs.', {
      pointer: '/invoice_ids'
    })
  }
  return { ...termsFrom(body), clientId, invoiceIds, replacesId: null }
}

export function termsFrom(body: RenegotiatePlanBody): Omit<NewPlan, 'clientId' | 'invoiceIds' | 'replacesId'> {
  const { discount } = body
  return {
    schedule: (currency) => scheduleFrom(body.schedule, currency),
    discount: discount === undefined ? null : (currency) => amountAt(discount, { of: currency, pointer: '/discount' }),
    graceDays: body.grace_days ?? GRACE_DAYS,
    breakAfterMissed: body.break_after_missed ?? Math.min(BREAK_AFTER_MISSED, countOf(body.schedule)),
    restoresService: body.restores_service ?? false,
    expiresOn: body.expires_on === undefined ? null : day(body.expires_on),
    note: body.note ?? null
  }
}

export function acceptanceFrom(body: AcceptPlanBody): Omit<Acceptance, 'at'> & { at: Date | null } {
  return {
    by: body.accepted_by,
    at: body.accepted_at === undefined ? null : new Date(body.accepted_at),
    channel: body.channel ?? null,
    note: body.note ?? null,
    documentUrl: body.document_url ?? null
  }
}

function countOf(schedule: ScheduleBody): number {
  if (schedule.kind === 'custom') return schedule.installments.length
  return schedule.count + (schedule.down_payment === undefined ? 0 : 1)
}

function scheduleFrom(body: ScheduleBody, currency: Currency): Schedule {
  if (body.kind === 'custom') {
    const installments = body.installments.map(({ due_on: dueOn, amount }, index) => ({
      dueOn: day(dueOn),
      amountMinor: amountAt(amount, { of: currency, pointer: `/schedule/installments/${index}/amount` })
    }))
    return { kind: 'custom', installments }
  }
  const { count, every, first_on: firstOn, calendar = 'iso8601', down_payment: down } = body
  const downPayment = down && {
    dueOn: down.due_on === undefined ? null : day(down.due_on),
    amountMinor: amountAt(down.amount, { of: currency, pointer: '/schedule/down_payment/amount' })
  }
  return { kind: 'equal', count, every, firstOn: day(firstOn), calendar, downPayment: downPayment ?? null }
}
