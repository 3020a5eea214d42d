import type { Database } from './db/client.ts'
import type { Clock } from './kernel/clock.ts'
import { createClientService } from './modules/clients/service.ts'
import { createPolicyService } from './modules/dunning/policy-service.ts'
import { createEventService } from './modules/events/service.ts'
import { createApiKeyService } from './modules/organizations/api-key-service.ts'
import { createOrganizationService } from './modules/organizations/service.ts'
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
  const policies = createPolicyService({ newId, versionAdded: async () => {} })
  const organizations = createOrganizationService({
    clock,
    wakeClock: wake.clock,
    ports: { seedPolicy: policies.seed, groundsChanged: async () => {} }
  })
  const apiKeys = createApiKeyService({ database, clock, newId, randomBytes })
  const references = createReferenceService({ clock })
  const clients = createClientService({ newId, events, organizations, references, ports: { groundsChanged: async () => {} } })
  return { events, policies, organizations, apiKeys, references, clients }
}

export type Services = ReturnType<typeof createServices>
