import type { EventType } from './event.ts'

/**
 * What an event is to the debtor. `addresses`: it asks for a message, and is not sent while a hold says that the client is not to be
 * addressed. `concerns`: it records a fact that often leads to a message; it is always sent, and `context.holds` names such holds, so that
 * the receiver can stay silent. `records`: it records a fact for your own books.
 */
export type Addressing = 'addresses' | 'concerns' | 'records'

export const addressing: Readonly<Record<EventType, Addressing>> = {
  'client.created': 'records',
  'client.updated': 'records',
  'client.deleted': 'records',
  'client.dunning_notice_due': 'addresses',
  'client.service_suspended': 'concerns',
  'client.service_ending': 'concerns',
  'client.service_restored': 'concerns',
  'client.offboarding_started': 'records',
  'client.offboarding_completed': 'records',
  'client.risk_band_changed': 'records',
  'client.processing_parked': 'records',
  'invoice.created': 'records',
  'invoice.updated': 'records',
  'invoice.rescheduled': 'records',
  'invoice.overdue': 'concerns',
  'invoice.partially_paid': 'records',
  'invoice.paid': 'records',
  'invoice.reopened': 'records',
  'invoice.voided': 'records',
  'invoice.written_off': 'records',
  'invoice.dunning_stage_entered': 'addresses',
  'invoice.dunning_blocked': 'records',
  'invoice.dunning_cleared': 'concerns',
  'invoice.dunning_retracted': 'concerns',
  'payment.pending': 'records',
  'payment.settled': 'records',
  'payment.updated': 'records',
  'payment.failed': 'concerns',
  'payment.unconfirmed': 'concerns',
  'payment.reversed': 'concerns',
  'pending_write.refused': 'records',
  'payment_plan.proposed': 'concerns',
  'payment_plan.accepted': 'concerns',
  'payment_plan.rejected': 'concerns',
  'payment_plan.expired': 'concerns',
  'payment_plan.completed': 'concerns',
  'payment_plan.broken': 'concerns',
  'payment_plan.restored': 'concerns',
  'payment_plan.cancelled': 'concerns',
  'installment.due_soon': 'addresses',
  'installment.due': 'addresses',
  'installment.missed': 'concerns',
  'installment.paid': 'concerns',
  'promise.made': 'concerns',
  'promise.kept': 'concerns',
  'promise.broken': 'concerns',
  'promise.cancelled': 'concerns',
  'credit_note.issued': 'records',
  'dispute.opened': 'concerns',
  'dispute.resolved': 'concerns',
  'dispute.overdue': 'records',
  'hold.placed': 'records',
  'hold.released': 'records',
  'hold.review_due': 'records',
  'interaction.logged': 'records',
  'webhook_endpoint.failing': 'records',
  'webhook_endpoint.disabled': 'records',
  'webhook_endpoint.test': 'records'
}

/** Whether an event of this type asks for a message to the debtor. */
export function addressesDebtor(type: string): boolean {
  return addressing[type as EventType] === 'addresses'
}
