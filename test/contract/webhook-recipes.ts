import type { Tenant } from '../support/app.ts'
import { makeCancelledDelivery, makeDelivery, makeEndpoint, makeEvent, makeLongEvent, makeReplay } from './objects.ts'
import { listed, one, type Recipe } from './recipe.ts'

const anEndpoint = (tenant: Tenant) => makeEndpoint(tenant)

export const webhookRecipes: Readonly<Record<string, Recipe>> = {
  listEvents: {
    request: listed(makeEvent),
    also: { 410: () => ({ query: { after_id: '01900000-0000-7000-8000-000000000001' } }) }
  },
  getEvent: { request: one(makeEvent) },
  listRestOfEvent: {
    request: async (tenant, service) => ({ params: { id: await makeLongEvent(tenant, service), list: 'obligations' } })
  },
  listEventTypes: { request: () => ({}) },
  listWebhookEndpoints: { request: listed(anEndpoint) },
  createWebhookEndpoint: { request: () => ({ body: { url: 'https://hooks.example.com/dunwell', event_types: ['invoice.*'] } }) },
  getWebhookEndpoint: { request: one(anEndpoint) },
  updateWebhookEndpoint: { request: one(anEndpoint, { description: 'Ours' }) },
  deleteWebhookEndpoint: { request: one(anEndpoint) },
  rotateWebhookSecret: { request: one(anEndpoint) },
  testWebhookEndpoint: { request: one(anEndpoint) },
  enableWebhookEndpoint: { request: one(anEndpoint) },
  replayWebhookEvents: { request: one(anEndpoint, { from: '2026-01-04T00:00:00Z' }) },
  listWebhookReplays: { request: listed(makeReplay) },
  getWebhookReplay: { request: one(makeReplay) },
  cancelWebhookReplay: { request: one(makeReplay) },
  listWebhookDeliveries: { request: listed(makeDelivery) },
  getWebhookDelivery: { request: one(makeDelivery) },
  retryWebhookDelivery: { request: one(makeCancelledDelivery) }
}
