import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { finish } from './openapi-finish.ts'

/** @param webhooks the document's section on what is sent, one path item per type of event */
export function openapiOptions(webhooks: object): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      webhooks: webhooks as never,
      info: {
        title: 'Dunwell',
        version: '1',
        description:
          'Receivables as a service: clients, invoices, payments, dunning policies, and a signed webhook at every step. Money is a decimal string beside its currency; days are YYYY-MM-DD, those in requests from 1900-01-01 to 2999-12-31; instants are RFC 3339, in the same range. Errors are RFC 9457 problems whose `code` is stable. Answers carry RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset (seconds): items of the current minute, of which a request is one and a batch as many as it has.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
      },
      servers: [{ url: '/', description: 'This service' }],
      components: {
        securitySchemes: {
          api_key: { type: 'http', scheme: 'bearer', description: 'A key of the organization: dw_live_… or dw_test_…' },
          operator_token: { type: 'http', scheme: 'bearer', description: "The operator's token, for making organizations" }
        }
      },
      tags: [
        { name: 'Organization', description: 'Settings of the business that is owed money' },
        { name: 'API keys', description: 'Who may ask, and for what' },
        { name: 'Test clock', description: 'Time of a test organization' },
        { name: 'Clients', description: 'Who owes' },
        { name: 'Invoices', description: 'What is claimed' },
        { name: 'Payments', description: 'What came in and what it settles' },
        { name: 'Pending writes', description: 'Writes by reference that wait for the object they name' },
        { name: 'Credit notes', description: 'What was taken from a claim without money' },
        { name: 'Payment plans', description: 'Agreements to pay in parts' },
        { name: 'Promises', description: 'The client’s word: so much by a day' },
        { name: 'Disputes', description: 'What a client contests' },
        { name: 'Holds', description: 'Reasons not to dun' },
        { name: 'Interactions', description: 'What was said, by whom and how' },
        { name: 'Dunning', description: 'Policies, stage entries and sweeps' },
        { name: 'Risk', description: 'How likely clients and invoices are paid late, and why' },
        { name: 'Events', description: 'What happened, in one order' },
        { name: 'Webhooks', description: 'Endpoints and deliveries' }
      ]
    },
    transformObject: (given) => finish('openapiObject' in given ? given.openapiObject : given.swaggerObject),
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) => (typeof json['$id'] === 'string' ? json['$id'] : `def-${index}`)
    }
  }
}
