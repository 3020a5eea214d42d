import type { Tenant, TestApp } from '../support/app.ts'
import { clientWithInvoice, makeInvoice } from './objects.ts'
import type { Recipe } from './recipe.ts'

export const riskRecipes: Readonly<Record<string, Recipe>> = {
  getClientRiskScore: { request: async (tenant) => ({ params: { id: await clientWithInvoice(tenant) } }) },
  listClientRiskScores: { request: async (tenant, service) => ({ params: { id: await scoredClient(tenant, service) } }) },
  getInvoiceRiskScore: {
    request: async (tenant) => ({ params: { id: await makeInvoice(tenant) } }),
    also: {
      409: async (tenant) => {
        const id = await makeInvoice(tenant)
        await tenant.call('POST', `/v1/invoices/${id}/void`, { body: {} })
        return { params: { id } }
      }
    }
  },
  listRiskScores: {
    request: async (tenant, service) => {
      await scoredClient(tenant, service)
      return {}
    }
  },
  getRiskModel: { request: () => ({}) },
  updateRiskModel: { request: () => ({ body: { serious_days: 15 } }) },
  resetRiskModel: { request: () => ({}) }
}

/** A client whose invoice was followed into a score. */
async function scoredClient(tenant: Tenant, { database, services }: TestApp): Promise<string> {
  const id = await clientWithInvoice(tenant)
  while ((await database.scoped(tenant.id, (tx) => services.events.seal(tx))).more);
  while (await database.scoped(tenant.id, (tx) => services.risk.refresh(tx)));
  return id
}
