import type { Database } from './db/client.ts'
import type { Clock } from './kernel/clock.ts'
import { createClientService } from './modules/clients/service.ts'
import { createPolicyService } from './modules/dunning/policy-service.ts'
import { createDunningService, type DunningService } from './modules/dunning/service.ts'
import { createEventService } from './modules/events/service.ts'
import { createInvoiceService } from './modules/invoices/service.ts'
import { createApiKeyService } from './modules/organizations/api-key-service.ts'
import { createOrganizationService } from './modules/organizations/service.ts'
import { createPaymentService } from './modules/payments/service.ts'
import { createReferenceService } from './modules/references/service.ts'

/** Tells this process's own workers that a commit left something to do. Others find it when they next look. */
export type Wake = Readonly<{ deliveries: () => void; sealer: () => void; clock: () => void; sweep: () => void }>

export type ServiceDeps = Readonly<{
  database: Database
  clock: Clock
  newId: () => string
  randomBytes: (length: number) => Buffer
  wake: Wake
}>

/** Every service, made once, in the order of the modules. What a lower one must tell an upper one goes through a port. */
export function createServices({ database, clock, newId, randomBytes, wake }: ServiceDeps) {
  const events = createEventService({ clock, newId, fanOut: async () => {}, wakeSealer: wake.sealer })
  const policies = createPolicyService({ newId, versionAdded: (tx, added) => dunning.policyChanged(tx, added) })
  const organizations = createOrganizationService({
    clock,
    wakeClock: wake.clock,
    ports: { seedPolicy: policies.seed, groundsChanged: (tx, now) => dunning.groundsChanged(tx, now) }
  })
  const apiKeys = createApiKeyService({ database, clock, newId, randomBytes })
  const references = createReferenceService({ clock })
  const clients = createClientService({
    newId,
    events,
    organizations,
    references,
    ports: { groundsChanged: (tx, changed) => dunning.clientChanged(tx, changed) }
  })
  const invoices = createInvoiceService({
    newId,
    clock,
    events,
    organizations,
    clients,
    references,
    ports: {
      planDunning: (tx, input) => dunning.planDunning(tx, input),
      obligationsChanged: (tx, change) => dunning.obligationsChanged(tx, change),
      applyCredit: (tx, input) => payments.applyCredit(tx, input),
      releaseAllocations: (tx, input) => payments.releaseAllocations(tx, input)
    }
  })
  const payments = createPaymentService({
    newId,
    clock,
    events,
    organizations,
    clients,
    references,
    invoices,
    obligationsChanged: (tx, change) => dunning.obligationsChanged(tx, change)
  })
  const dunning: DunningService = createDunningService({
    clock,
    newId,
    events,
    organizations,
    clients,
    invoices,
    policies,
    wakeSweep: wake.sweep
  })
  return { events, policies, organizations, apiKeys, references, clients, invoices, payments, dunning }
}

export type Services = ReturnType<typeof createServices>
