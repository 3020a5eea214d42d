import { createAgreementsEnd } from './agreements-end.ts'
import { createClientStanding } from './client-standing.ts'
import type { Database, Reader } from './db/client.ts'
import type { Clock } from './kernel/clock.ts'
import { clientWrites } from './modules/clients/by-ref-service.ts'
import { type ClientService, createClientService } from './modules/clients/service.ts'
import { createCreditNoteService } from './modules/credit-notes/service.ts'
import { createDeadlineService, type SetDeadline } from './modules/deadlines/service.ts'
import { createDisputeService, type DisputeService } from './modules/disputes/service.ts'
import { createPolicyService, type PolicyService } from './modules/dunning/policy-service.ts'
import type { ReissueDeps } from './modules/dunning/reissue-service.ts'
import { createDunningService, type DunningService } from './modules/dunning/service.ts'
import { createEventService } from './modules/events/service.ts'
import { createHoldService, type HoldPorts, type HoldService } from './modules/holds/service.ts'
import { createInteractionService } from './modules/interactions/service.ts'
import { invoiceWrites } from './modules/invoices/by-ref-writes-service.ts'
import type { InvoicePorts } from './modules/invoices/ports.ts'
import { createInvoiceService, type InvoiceService } from './modules/invoices/service.ts'
import { createApiKeyService } from './modules/organizations/api-key-service.ts'
import { createOrganizationService } from './modules/organizations/service.ts'
import { createPaymentPlanService, type PaymentPlanService } from './modules/payment-plans/service.ts'
import { paymentWrites } from './modules/payments/by-ref-writes-service.ts'
import type { PendingPorts } from './modules/payments/pending-service.ts'
import { createPaymentService, type PaymentService } from './modules/payments/service.ts'
import type { ByRefWrites } from './modules/pending-writes/by-ref-writes.ts'
import { createPendingWriteService } from './modules/pending-writes/service.ts'
import { createPromiseService } from './modules/promises/service.ts'
import type { ReferenceKind } from './modules/references/reference.ts'
import { createReferenceService, type ReferenceService } from './modules/references/service.ts'
import { createRiskService } from './modules/risk/service.ts'
import type { AddressPolicy } from './modules/webhooks/address-guard.ts'
import { createDeliveryService, type DeliveryService } from './modules/webhooks/delivery-service.ts'
import { createDispatchService } from './modules/webhooks/dispatch-service.ts'
import { createEndpointService } from './modules/webhooks/endpoint-service.ts'
import type { DisablingConfig } from './modules/webhooks/failing.ts'
import { createFanOut } from './modules/webhooks/fan-out-service.ts'
import type { CircuitConfig } from './modules/webhooks/health.ts'
import { createReplayService, type ReplayService } from './modules/webhooks/replay-service.ts'
import { createResealService } from './modules/webhooks/reseal-service.ts'
import type { SecretBox } from './modules/webhooks/secret-box.ts'

/** Tells this process's own workers that a commit left something to do. Others find it when they next look. */
export type Wake = Readonly<Record<'deliveries' | 'replays' | 'sealer' | 'clock' | 'sweep', () => void>>

const nothing = () => {}
/** For a process without workers. */
export const wakeNobody: Wake = { deliveries: nothing, replays: nothing, sealer: nothing, clock: nothing, sweep: nothing }

export type ServiceDeps = Readonly<{
  database: Database
  clock: Clock
  newId: () => string
  randomBytes: (length: number) => Buffer
  random: () => number
  wake: Wake
  secretBox: SecretBox
  /** Told the types of events once they are committed. */
  eventsRecorded?: (types: readonly string[]) => void
  /** Whom a webhook may be sent to. */
  addressPolicy: AddressPolicy
  circuit: CircuitConfig
  disabling: DisablingConfig
}>

/** Every service, made once, in the order of the modules. What a lower one must tell an upper one goes through a port. */
export function createServices(deps: ServiceDeps) {
  const { database, clock, newId, randomBytes, wake } = deps
  const fanOut = createFanOut(wake.deliveries)
  const events = createEventService({ clock, newId, fanOut, wakeSealer: wake.sealer, recorded: deps.eventsRecorded })
  const policies = createPolicyService({ newId, versionAdded: (tx, added) => receivables.dunning.policyChanged(tx, added) })
  const organizations = createOrganizationService({
    clock,
    wakeClock: wake.clock,
    ports: { seedPolicy: policies.seed, groundsChanged: (tx, changed) => receivables.dunning.groundsChanged(tx, changed) }
  })
  const apiKeys = createApiKeyService({ database, clock, newId, randomBytes })
  const references = createReferenceService({ clock })
  const writesOf = (kind: ReferenceKind) => byRefWrites(kind, { clients, ...receivables, references, newId })
  const pendingWrites = createPendingWriteService({ newId, events, organizations, references, writesOf })
  const clients: ClientService = createClientService({
    ...{ newId, events, organizations, references },
    ports: {
      groundsChanged: (tx, changed) => receivables.dunning.clientChanged(tx, changed),
      offboardingStarted: (tx, started) => receivables.payments.offboardingStarted(tx, started),
      parentChanged: (tx, { books, clientId }) => receivables.payments.followNamed(tx, { books, clientIds: [clientId] }),
      named: (tx, { clientId: objectId, refs }) => pendingWrites.arrived(tx, { kind: 'client', objectId, refs })
    }
  })
  const lower = { events, organizations, references, clients }
  const receivables = createReceivables({
    ...deps,
    ...lower,
    policies,
    receivers: {
      find: (reader, endpointId) => endpoints.receiver(reader, endpointId),
      deliveriesAt: (reader, of) => deliveries.deliveriesAt(reader, of),
      send: (tx, delivery) => deliveries.send(tx, delivery),
      sendAgain: (tx, delivery) => deliveries.sendAgain(tx, delivery)
    }
  })
  const risk = createRiskService({ ...deps, events, organizations, clients })
  const webhooks = createWebhooks(deps, { ...lower, ...receivables })
  const { endpoints, deliveries } = webhooks
  return { ...lower, pendingWrites, policies, apiKeys, ...receivables, risk, ...webhooks, ...createResealService(deps) }
}

/** Endpoints, and what is sent to them: dunning is asked whether a reminder is still true. */
function createWebhooks(
  deps: ServiceDeps,
  { events, organizations, references, dunning, plans }: Pick<Lower, 'events' | 'organizations' | 'references'> & Receivables
) {
  const { wake } = deps
  const organizationNow = async (reader: Reader) => (await organizations.books(reader)).now
  const replays = createReplays(deps, references)
  const endpoints = createEndpointService({ ...deps, events, replays, organizationNow, wakeDeliveries: wake.deliveries })
  const deliveries: DeliveryService = createDeliveryService({ wakeDeliveries: wake.deliveries })
  const dispatch = createDispatchService({
    ...{ ...deps, disable: endpoints.disable, announceFailing: endpoints.announceFailing },
    mayBeOutdated: dunning.mayBeOutdated,
    outdated: async (reader, waiting) =>
      new Map([...(await dunning.outdated(reader, waiting)), ...(await plans.outdated(reader, waiting))]),
    superseded: dunning.superseded
  })
  return { endpoints, replays, deliveries, dispatch }
}

type Receivables = ReturnType<typeof createReceivables>

type Lower = Readonly<{
  events: ReturnType<typeof createEventService>
  organizations: ReturnType<typeof createOrganizationService>
  references: ReturnType<typeof createReferenceService>
  clients: ReturnType<typeof createClientService>
  policies: PolicyService
  receivers: ReissueDeps['receivers']
}>

type ByRefDeps = Readonly<{
  clients: ClientService
  invoices: InvoiceService
  payments: PaymentService
  references: ReferenceService
  newId: () => string
}>

/** What writes by reference do, of each kind. */
function byRefWrites(kind: ReferenceKind, deps: ByRefDeps): ByRefWrites {
  if (kind === 'client') return clientWrites(deps.clients)
  return kind === 'invoice' ? invoiceWrites(deps) : paymentWrites(deps)
}

/** Webhooks know events only: the client that a replay names is looked up for them. */
function createReplays(deps: ServiceDeps, references: ReferenceService): ReplayService {
  const pointers = { id: '/client_id', ref: '/client_ref' }
  return createReplayService({
    ...{ ...deps, wakeDeliveries: deps.wake.deliveries, wakeReplays: deps.wake.replays },
    clientIdOf: (reader, named) => references.resolveIfNamed(reader, { kind: 'client', ...named, pointers })
  })
}

/** What invoices ask of the money that is there for them, or announced. */
function moneyPorts(
  above: () => Readonly<{ payments: PaymentService; dunning: DunningService }>
): Omit<InvoicePorts, 'standingOf' | 'planDunning' | 'obligationsChanged'> {
  return {
    owedByLeaving: (tx, issued) => above().payments.followOffboarding(tx, issued),
    creditOf: (tx, clientIds) => above().payments.creditOf(tx, clientIds),
    applyCredit: (tx, input) => above().payments.applyCredit(tx, input),
    releaseAllocations: (tx, input) => above().payments.releaseAllocations(tx, input),
    applyReleased: (tx, input) => above().payments.applyReleased(tx, input),
    arrived: async (tx, { books, invoices: arrived }) => {
      const { payments, dunning } = above()
      const clientIds = [...new Set(arrived.map(({ clientId }) => clientId))]
      await payments.holdNamed(tx, books, { clientIds, invoiceIds: arrived.map(({ id }) => id) })
      const collected = arrived.filter(({ collectionMethod }) => collectionMethod === 'autopay')
      for (const [clientId, of] of Map.groupBy(collected, (one) => one.clientId)) {
        const invoiceIds = of.map(({ id }) => id)
        await dunning.reconsider(tx, { books, clientId, invoiceIds, reason: 'collection_failed' })
      }
    }
  }
}

/** How announced money holds what it covers, by holds, which are made after payments. */
function pendingPorts(
  holds: () => HoldService,
  { setDeadline, reconsider }: { setDeadline: SetDeadline; reconsider: DunningService['reconsider'] }
): PendingPorts {
  return {
    hold: async (tx, books, { paymentId: id, part, ...held }) => {
      const origin = { kind: 'payment', id } as const
      const already = await holds().invoicesOf(tx, origin)
      const of = new Map([...part.of].filter(([invoiceId]) => !already.has(invoiceId)))
      if (of.size === 0) return
      const fresh = { ...held, part: { ...part, of }, invoiceIds: [...of.keys()] }
      await holds().place(tx, books, { ...fresh, reason: 'payment_pending', resume: 'by_age', origin })
    },
    release: async (tx, books, { paymentId: id, clientId: payerId, named, reason }) => {
      const isHeld = await holds().releaseOf(tx, books, { origin: { kind: 'payment', id }, reason, clientId: payerId })
      if (isHeld || reason === 'settled') return
      for (const [clientId, invoiceIds] of named)
        await reconsider(tx, { books, clientId, invoiceIds, reason: 'collection_failed' })
    },
    setDeadline,
    silencingOf: (tx, books, of) => holds().silencingOf(tx, books, of)
  }
}

/** Who asks what a hold keeps back: dunning, and plans for their reminders. */
function holdPorts(
  above: () => Readonly<{ dunning: DunningService; plans: PaymentPlanService }>,
  setDeadline: SetDeadline
): HoldPorts {
  return {
    holdsChanged: (tx, change) => above().dunning.reconsider(tx, change),
    silenceEnded: (tx, ended) => above().plans.silenceEnded(tx, ended),
    setDeadline
  }
}

/** Invoices, payments, interactions and dunning, which tell each other of every change. */
function createReceivables(deps: Pick<ServiceDeps, 'clock' | 'newId' | 'wake'> & Lower) {
  const obligationsChanged: InvoicePorts['obligationsChanged'] = async (tx, change) => {
    const { books, obligationIds: ids } = change
    if (change.reason === 'voided' || change.reason === 'written_off') {
      await closeAgreements(tx, books, await invoices.invoicesOf(tx, ids))
    }
    // Asked while dunning follows, in its trips: hardly anything that is paid is agreed upon.
    const [isPlanned, isPromised, isLeaving] = await Promise.all([
      plans.isOver(tx, ids),
      promises.isOver(tx, ids),
      payments.isLeaving(tx, ids),
      dunning.obligationsChanged(tx, change)
    ])
    const invoiceIds = isPlanned || isPromised ? await invoices.invoicesOf(tx, ids) : []
    if (isPlanned) plans.follow(tx, books, invoiceIds)
    if (isPromised) promises.follow(tx, books, invoiceIds)
    if (isLeaving) await payments.followOffboarding(tx, change)
  }
  const invoices = createInvoiceService({
    ...deps,
    ports: {
      standingOf: (tx, clientIds) => standingOf(tx, clientIds),
      planDunning: (tx, input) => dunning.planDunning(tx, input),
      obligationsChanged,
      ...moneyPorts(() => ({ payments, dunning }))
    }
  })
  const setDeadline: SetDeadline = (tx, deadline) => deadlines.set(tx, deadline)
  const payments: PaymentService = createPaymentService({
    ...deps,
    invoices,
    obligationsChanged,
    creditChanged: (tx, change) => dunning.reconsider(tx, { ...change, invoiceIds: null, reason: 'credit_changed' }),
    pending: pendingPorts(() => holds, { setDeadline, reconsider: (tx, change) => dunning.reconsider(tx, change) })
  })
  const creditNotes = createCreditNoteService({ ...deps, invoices, payments, obligationsChanged })
  const holds: HoldService = createHoldService({
    ...deps,
    invoices,
    ports: holdPorts(() => ({ dunning, plans }), setDeadline)
  })
  const promises = createPromiseService({ ...deps, invoices, holds, setDeadline })
  const plans: PaymentPlanService = createPaymentPlanService({ ...deps, invoices, holds, setDeadline })
  const disputes: DisputeService = createDisputeService({ ...deps, invoices, creditNotes, holds, setDeadline })
  const interactions = createInteractionService({ ...deps, invoices })
  const below = { invoices, payments, holds, interactions, reminderFaults: plans.reminderFaults }
  const dunning: DunningService = createDunningService({ ...deps, ...below, setDeadline, wakeSweep: deps.wake.sweep })
  const deadlines = createDeadlineService({
    ...deps,
    meet: {
      ...{ payment: payments.meet, promise: promises.meet, payment_plan: plans.meet, dispute: disputes.meet, hold: holds.meet },
      notice: dunning.meetNotice
    }
  })
  const standingOf = createClientStanding({ payments, holds })
  const closeAgreements = createAgreementsEnd({ ...deps, invoices, payments, disputes, holds, promises, plans, dunning })
  const nothingDue = async (reader: Reader, until: Date) =>
    (await deadlines.nothingDue(reader, until)) && (await dunning.nothingDue(reader, until))
  return { invoices, payments, creditNotes, holds, disputes, promises, plans, deadlines, interactions, dunning, nothingDue }
}

export type Services = ReturnType<typeof createServices>
