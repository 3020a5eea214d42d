import type { Reader } from '../../db/client.ts'
import type { HoldService } from '../holds/service.ts'
import type { InvoiceService } from '../invoices/service.ts'
import type { PaymentService } from '../payments/service.ts'
import { type CreditOf, nettingOf, noCredit } from './netting.ts'

export type NettingDeps = Readonly<{
  invoices: InvoiceService
  holds: HoldService
  payments: Pick<PaymentService, 'unappliedOf'>
}>
export type NettingService = ReturnType<typeof createNettingService>

/** Hardly any client has credit that is not applied: what is open is read for those only. */
export function createNettingService({ invoices, holds, payments }: NettingDeps) {
  return async (reader: Reader, clientIds: readonly string[]): Promise<CreditOf> => {
    const unapplied = await payments.unappliedOf(reader, clientIds)
    if (unapplied.length === 0) return noCredit
    const having = [...new Set(unapplied.map(({ clientId }) => clientId))]
    const [open, holdsOf] = await Promise.all([invoices.openOfClients(reader, having), holds.factsOf(reader, having)])
    return nettingOf(unapplied, { open, holdsOf })
  }
}
