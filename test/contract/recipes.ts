import type { Tenant, TestApp } from '../support/app.ts'
import {
  clientWithInvoice,
  interactionBody,
  invoiceBody,
  makeActivePlan,
  makeClient,
  makeCreditNote,
  makeDebt,
  makeDispute,
  makeEntry,
  makeHold,
  makeHoldOfInvoices,
  makeInteraction,
  makeInvoice,
  makeKey,
  makePayment,
  makePendingPayment,
  makePendingWrite,
  makePlan,
  makePolicy,
  makePromise,
  makePromiseOfInvoices,
  makeRun,
  newReference,
  planTerms,
  policyBody,
  promiseBody
} from './objects.ts'
import { listed, one, type Recipe } from './recipe.ts'
import { riskRecipes } from './risk-recipes.ts'
import { webhookRecipes } from './webhook-recipes.ts'

const NOBODY = '01900000-0000-7000-8000-000000000001'

const named = (make: (tenant: Tenant, body: object) => Promise<string>) => async (tenant: Tenant) => {
  const reference = newReference()
  await make(tenant, { external_refs: [reference] })
  return { query: reference }
}

const aClient = (tenant: Tenant) => makeClient(tenant)
const anInvoice = (tenant: Tenant) => makeInvoice(tenant)
const aPayment = (tenant: Tenant) => makePayment(tenant)

/** It settles several invoices. */
async function anAppliedPayment(tenant: Tenant): Promise<string> {
  const client_id = await makeClient(tenant)
  for (let n = 0; n < 3; n += 1) await makeInvoice(tenant, { client_id, total: '10.00' })
  return makePayment(tenant, { client_id })
}
const aPendingPayment = (tenant: Tenant) => makePendingPayment(tenant)
const anInteraction = (tenant: Tenant) => makeInteraction(tenant)
const aDispute = (tenant: Tenant) => makeDispute(tenant)

/** The deletion of what does not exist yet. */
const unknownDeletion = () => ({ query: { ...newReference(), source_version: '1' } })

/** The deletion of what its source has said something newer of. */
const outdatedDeletion = (kind: 'invoices' | 'payments', content: object) => async (tenant: Tenant) => {
  const reference = newReference()
  const body = { ...content, client_id: await makeClient(tenant), source_version: 2 }
  await tenant.call('PUT', `/v1/${kind}/by-ref?${new URLSearchParams(reference)}`, { body })
  return { query: { ...reference, source_version: '1' } }
}

const clients: Readonly<Record<string, Recipe>> = {
  listClients: { request: listed(aClient) },
  createClient: { request: (tenant) => ({ body: { name: 'Acme', dunning_policy_id: tenant.defaultPolicyId } }) },
  getClient: { request: one(aClient) },
  updateClient: { request: one(aClient, { name: 'Acme & Sons' }), also: { 422: one(aClient, { parent_id: NOBODY }) } },
  deleteClient: { request: one(aClient) },
  getClientByRef: { request: named(makeClient) },
  putClientByRef: {
    request: () => ({ query: newReference(), body: { name: 'Acme' } }),
    also: {
      200: async (tenant) => ({ ...(await named(makeClient)(tenant)), body: { name: 'Acme & Sons' } }),
      422: () => ({ query: newReference(), body: { name: 'Acme', parent_id: NOBODY } })
    }
  },
  archiveClientByRef: { request: named(makeClient), also: { 202: unknownDeletion } },
  offboardClient: { request: one(aClient) },
  getClosingStatement: { request: async (tenant) => ({ params: { id: await clientWithInvoice(tenant) } }) },
  reallocateClient: { request: async (tenant) => ({ params: { id: await clientWithInvoice(tenant) } }) },
  getClientBalance: { request: async (tenant) => ({ params: { id: await clientWithInvoice(tenant) } }) }
}

const invoices: Readonly<Record<string, Recipe>> = {
  listInvoices: { request: listed(anInvoice) },
  createInvoice: { request: async (tenant) => ({ body: { ...invoiceBody, client_id: await makeClient(tenant) } }) },
  createInvoices: {
    request: async (tenant) => ({ body: { invoices: [{ ...invoiceBody, client_id: await makeClient(tenant) }] } })
  },
  getInvoice: { request: one(anInvoice) },
  updateInvoice: { request: one(anInvoice, { number: 'R-2' }), also: { 422: one(anInvoice, { dunning_policy_id: NOBODY }) } },
  voidInvoice: { request: one(anInvoice) },
  writeOffInvoice: { request: one(anInvoice) },
  rescheduleInvoice: { request: one(anInvoice, { due_on: '2026-02-01' }) },
  explainInvoiceDunning: { request: one(anInvoice) },
  getInvoiceByRef: { request: named(makeInvoice) },
  putInvoiceByRef: {
    request: async (tenant) => ({ query: newReference(), body: { ...invoiceBody, client_id: await makeClient(tenant) } }),
    also: {
      200: async (tenant) => ({ ...(await named(makeInvoice)(tenant)), body: { total: '120.00' } }),
      202: () => ({ query: newReference(), body: { ...invoiceBody, client_ref: newReference() } }),
      422: () => ({ query: newReference(), body: { ...invoiceBody, client_id: NOBODY } })
    }
  },
  voidInvoiceByRef: {
    request: named(makeInvoice),
    also: { 200: outdatedDeletion('invoices', invoiceBody), 202: unknownDeletion }
  }
}

const payments: Readonly<Record<string, Recipe>> = {
  listPayments: { request: listed(aPayment) },
  recordPayment: {
    request: async (tenant) => ({ body: { client_id: await makeClient(tenant), amount: '5.00', currency: 'EUR' } })
  },
  getPayment: { request: one(aPayment) },
  settlePayment: { request: one(aPendingPayment) },
  failPayment: { request: one(aPendingPayment) },
  reversePayment: { request: one(aPayment, { reason: 'bounced' }) },
  allocatePayment: { request: one(aPayment) },
  listPaymentAllocations: { request: one(anAppliedPayment) },
  getPaymentByRef: { request: named(makePayment) },
  putPaymentByRef: {
    request: async (tenant) => ({
      query: newReference(),
      body: { client_id: await makeClient(tenant), amount: '5.00', currency: 'EUR' }
    }),
    also: {
      200: async (tenant) => ({ ...(await named(makePayment)(tenant)), body: { amount: '45.00' } }),
      202: () => ({ query: newReference(), body: { client_ref: newReference(), amount: '5.00', currency: 'EUR' } }),
      422: () => ({ query: newReference(), body: { client_id: NOBODY, amount: '5.00', currency: 'EUR' } })
    }
  },
  reversePaymentByRef: {
    request: named(makePayment),
    also: { 200: outdatedDeletion('payments', { amount: '5.00', currency: 'EUR' }), 202: unknownDeletion }
  }
}

const pendingWrites: Readonly<Record<string, Recipe>> = {
  listPendingWrites: { request: listed(makePendingWrite) },
  getPendingWrite: { request: one(makePendingWrite) },
  deletePendingWrite: { request: one(makePendingWrite) }
}

const interactions: Readonly<Record<string, Recipe>> = {
  listInteractions: { request: listed(anInteraction) },
  logInteraction: {
    request: async (tenant) => {
      const client_id = await makeClient(tenant)
      return { body: { ...interactionBody, client_id, invoice_ids: [await makeInvoice(tenant, { client_id })] } }
    },
    also: { 422: () => ({ body: { ...interactionBody, client_id: NOBODY } }) }
  },
  getInteraction: { request: one(anInteraction) }
}

const contested: Readonly<Record<string, Recipe>> = {
  listCreditNotes: { request: listed(makeCreditNote) },
  getCreditNote: { request: one(makeCreditNote) },
  listDisputes: { request: listed(aDispute) },
  openDispute: { request: async (tenant) => ({ body: { invoice_id: await makeInvoice(tenant), reason: 'quality' } }) },
  getDispute: { request: one(aDispute) },
  resolveDispute: { request: one(aDispute, { outcome: 'partly_upheld', at_fault: 'ours', credit: '5.00' }) },
  withdrawDispute: { request: one(aDispute) }
}

const organizations: Readonly<Record<string, Recipe>> = {
  createOrganization: {
    request: () => ({ body: { name: 'New Ltd', mode: 'test', time_zone: 'UTC', default_currency: 'EUR' } })
  },
  getOrganization: { request: () => ({}) },
  updateOrganization: {
    request: () => ({ body: { name: 'Renamed Ltd' } }),
    also: { 422: () => ({ body: { default_dunning_policy_id: NOBODY } }) }
  },
  listApiKeys: { request: listed(makeKey) },
  createApiKey: { request: () => ({ body: { name: 'Another', scopes: ['read'] } }) },
  rotateApiKey: { request: one(makeKey) },
  revokeApiKey: { request: one(makeKey) },
  getTestClock: { request: () => ({}), also: { 409: async (_, service) => ({ key: await liveKey(service) }) } },
  setTestClock: {
    request: () => ({ body: { now_at: '2026-01-05T10:00:00Z' } }),
    also: { 422: () => ({ body: { now_at: '2020-01-01T00:00:00Z' } }) }
  },
  advanceTestClock: { request: () => ({ body: { days: 1 } }) }
}

/** A live organization has no clock of its own. */
async function liveKey(service: TestApp): Promise<string> {
  return (await service.addOrganization({ mode: 'live' })).key
}

const dunning: Readonly<Record<string, Recipe>> = {
  listDunningPolicies: { request: listed(makePolicy) },
  createDunningPolicy: { request: () => ({ body: policyBody }) },
  getDunningPolicy: { request: one(makePolicy) },
  replaceDunningPolicy: { request: one(makePolicy, { ...policyBody, name: 'Steeper' }) },
  listDunningPolicyVersions: { request: one(makePolicy) },
  listDunningEntries: { request: listed(makeEntry) },
  getDunningEntry: { request: one(makeEntry) },
  reportDunningOutcome: {
    request: one(makeEntry, { outcome: 'sent', channel: 'e_mail' }),
    also: { 422: one(makeEntry, { outcome: 'sent', channel: 'e_mail', contact_id: NOBODY }) }
  },
  listDunningRuns: { request: listed(makeRun) },
  requestDunningRun: { request: () => ({ body: { dry_run: true } }) },
  getDunningRun: { request: one(makeRun) }
}

const agreements: Readonly<Record<string, Recipe>> = {
  listHolds: { request: listed(makeHold) },
  placeHold: {
    request: async (tenant) => ({ body: { client_id: await makeClient(tenant), reason: 'claims_paid' } }),
    also: { 422: () => ({ body: { client_id: NOBODY, reason: 'manual' } }) }
  },
  getHold: { request: one(makeHold) },
  listHoldInvoices: { request: one(makeHoldOfInvoices) },
  releaseHold: { request: one(makeHold) },
  listPromises: { request: listed(makePromise) },
  makePromise: {
    request: async (tenant) => ({ body: { ...(await makeDebt(tenant)), ...promiseBody } }),
    also: {
      409: async (tenant) => {
        const debt = await makeDebt(tenant)
        await tenant.call('POST', '/v1/promises', { body: { ...debt, ...promiseBody } })
        return { body: { ...debt, ...promiseBody } }
      },
      422: async (tenant) => ({ body: { ...(await makeDebt(tenant)), ...promiseBody, amount: '100.01' } })
    }
  },
  getPromise: { request: one(makePromise) },
  listPromiseInvoices: { request: one(makePromiseOfInvoices) },
  cancelPromise: { request: one(makePromise) },
  listPaymentPlans: { request: listed(makePlan) },
  proposePaymentPlan: {
    request: async (tenant) => ({ body: { ...(await makeDebt(tenant)), ...planTerms } }),
    also: {
      409: async (tenant) => ({ body: { ...(await plannedDebt(tenant)), ...planTerms } }),
      422: async (tenant) => ({ body: { ...(await makeDebt(tenant)), ...planTerms, discount: '100.00' } })
    }
  },
  previewPaymentPlan: {
    request: async (tenant) => ({ body: { ...(await makeDebt(tenant)), ...planTerms } }),
    also: {
      409: async (tenant) => ({ body: { ...(await plannedDebt(tenant)), ...planTerms } }),
      422: async (tenant) => ({ body: { ...(await makeDebt(tenant)), ...planTerms, discount: '100.00' } })
    }
  },
  getPaymentPlan: { request: one(makePlan) },
  acceptPaymentPlan: { request: one(makePlan, { accepted_by: 'Ada Smith' }) },
  rejectPaymentPlan: { request: one(makePlan) },
  cancelPaymentPlan: { request: one(makePlan) },
  renegotiatePaymentPlan: { request: one(makeActivePlan, planTerms) }
}

/** What an active plan covers already. */
async function plannedDebt(tenant: Tenant) {
  const debt = await makeDebt(tenant)
  const { body } = await tenant.call<{ id: string }>('POST', '/v1/payment-plans', { body: { ...debt, ...planTerms } })
  await tenant.call('POST', `/v1/payment-plans/${body.id}/accept`, { body: { accepted_by: 'Ada Smith' } })
  return debt
}

const recipes: Readonly<Record<string, Recipe>> = {
  ...riskRecipes,
  ...agreements,
  ...clients,
  ...invoices,
  ...payments,
  ...pendingWrites,
  ...interactions,
  ...contested,
  ...organizations,
  ...dunning,
  ...webhookRecipes
}

/** Every operation has one: a test about all operations says nothing of an operation that it cannot call. */
export function recipeFor({ operationId }: { operationId: string }): Recipe {
  const recipe = recipes[operationId]
  if (recipe === undefined) {
    throw new Error(
      `${operationId} has no recipe in test/contract/recipes.ts: say how the object that it names is made, and a valid body.`
    )
  }
  return recipe
}

export const recipeIds: readonly string[] = Object.keys(recipes)
