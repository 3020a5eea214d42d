import { statement } from './db/statement.ts'
import type { HoldService } from './modules/holds/service.ts'
import type { InvoicePorts } from './modules/invoices/ports.ts'
import type { PaymentService } from './modules/payments/service.ts'

type StandingDeps = Readonly<{ payments: Pick<PaymentService, 'creditOf'>; holds: Pick<HoldService, 'factsOf'> }>

const selectAny = statement<{ hasCredit: boolean; isHeld: boolean; hasParent: boolean }>(
  'client_standing.any',
  `select exists (select from payments where org_id = $1 and client_id = any($2::uuid[]) and unapplied_minor > 0) as "hasCredit",
     exists (select from holds where org_id = $1 and client_id = any($2::uuid[])) as "isHeld",
     exists (select from clients where org_id = $1 and id = any($2::uuid[]) and parent_id is not null) as "hasParent"`
)

/** See `InvoicePorts.standingOf`. Most clients have neither credit nor holds, and one statement says so of both. */
export function createClientStanding({ payments, holds }: StandingDeps): InvoicePorts['standingOf'] {
  return async (tx, clientIds) => {
    const [any] = await tx.run(selectAny, [tx.orgId, clientIds])
    const [credit, holdsOf] = await Promise.all([
      any?.hasCredit === true || any?.hasParent === true ? payments.creditOf(tx, clientIds) : [],
      any?.isHeld === true ? holds.factsOf(tx, clientIds) : () => []
    ])
    return { credit, holdsOf }
  }
}
