import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Edge } from '../../http/edge.ts'
import { ref, writeHeaders } from '../../http/schemas.ts'
import { keyToApi } from './api-key-schemas.ts'
import type { ApiKeyService } from './api-key-service.ts'
import { CreateOrganization, NewOrganizationSchema, newOrganizationFrom, toApi } from './schemas.ts'
import type { OrganizationService } from './service.ts'

type Options = Edge & { organizations: OrganizationService; apiKeys: ApiKeyService; newId: () => string }

/** The operator's one route: it acts in the scope of the organization that it makes. */
export const newOrganizationRoutes: FastifyPluginAsyncTypebox<Options> = async (app, { once, organizations, apiKeys, newId }) => {
  app.post(
    '',
    {
      config: { scope: 'operator' },
      schema: {
        operationId: 'createOrganization',
        tags: ['Organization'],
        summary: 'Make an organization with its first admin key',
        description: "Needs the operator's token (DUNWELL_OPERATOR_TOKEN), not a key. The key is shown this once.",
        headers: writeHeaders,
        body: CreateOrganization,
        response: { 201: ref(NewOrganizationSchema) }
      }
    },
    (request, reply) =>
      once(request, reply, async (operatorTx) => {
        const tx = await operatorTx.inOrganization(newId())
        const organization = await organizations.create(tx, newOrganizationFrom(request.body))
        const { key, text } = await apiKeys.create(tx, {
          mode: organization.mode,
          name: 'First key',
          scopes: ['admin'],
          expiresAt: null
        })
        await operatorTx.inOrganization(operatorTx.orgId)
        return {
          status: 201,
          secret: true,
          body: { organization: toApi(organization), api_key: { ...keyToApi(key), key: text } }
        }
      })
  )
}
