import type { Day } from '../../kernel/day.ts'
import type { DunningCase, Invoice } from '../invoices/invoice.ts'

/** An invoice, as far as it decides whether its money is collected. */
export type Collectable = Readonly<{ invoiceId: string; collectionMethod: Invoice['collectionMethod'] }>

/** Whether an invoice is paid by autopay and no collection of it failed. */
export type CollectedOf = (invoice: Collectable) => boolean

export function collectableOf({ view: { invoice } }: Pick<DunningCase, 'view'>): Collectable {
  return { invoiceId: invoice.id, collectionMethod: invoice.collectionMethod }
}

export const noneCollected: CollectedOf = () => false

/** @param failed the invoices of which a collection failed. */
export function collectedUnless(failed: ReadonlySet<string>): CollectedOf {
  return ({ invoiceId, collectionMethod }) => collectionMethod === 'autopay' && !failed.has(invoiceId)
}

/** Nobody is reminded to pay what is collected, through its effective due date. */
export function awaitsCollection(
  { isCollected }: Readonly<{ isCollected: boolean }>,
  { dueOn, today }: Readonly<{ dueOn: Day; today: Day }>
): boolean {
  return isCollected && today <= dueOn
}
