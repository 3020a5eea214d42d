import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Database } from './db/client.ts'
import { registerAuthentication } from './http/auth.ts'
import { registerContract } from './http/contract.ts'
import { registerCursors } from './http/cursor-binding.ts'
import { registerDrain } from './http/drain.ts'
import type { Edge } from './http/edge.ts'
import { registerHealth } from './http/health.ts'
import { createOnce, type Seal } from './http/idempotency.ts'
import { type Limits, registerLimits, wrongAttempts } from './http/limits.ts'
import { type MetricsOptions, registerMetrics } from './http/metrics.ts'
import { openapiOptions } from './http/openapi.ts'
import { registerPathReferences } from './http/path-references.ts'
import { refuseUnreadable, refuseUnrouted, registerProblems } from './http/problem.ts'
import { registerRequestId, requestIdFrom } from './http/request-id.ts'
import { registerRequestLog } from './http/request-log.ts'
import { ExternalRef, ProblemSchema } from './http/schemas.ts'
import { buildSerializer } from './http/serialization.ts'
import { refuseMalformedQuery, refuseUnstorableText } from './http/text.ts'
import { registerTracing } from './http/tracing.ts'
import { buildValidator, formats } from './http/validation.ts'
import type { Clock } from './kernel/clock.ts'
import type { Tracing } from './kernel/tracing.ts'
import { clientByRefRoutes, clientRoutes, offboardingRoutes } from './modules/clients/routes.ts'
import { clientSchemas } from './modules/clients/schemas.ts'
import { creditNoteRoutes } from './modules/credit-notes/routes.ts'
import { creditNoteSchemas } from './modules/credit-notes/schemas.ts'
import { disputeRoutes } from './modules/disputes/routes.ts'
import { disputeSchemas } from './modules/disputes/schemas.ts'
import { entryRoutes } from './modules/dunning/entry-routes.ts'
import { policyRoutes } from './modules/dunning/policy-routes.ts'
import { policySchemas } from './modules/dunning/policy-schemas.ts'
import { dunningRoutes, invoiceDunningRoutes } from './modules/dunning/routes.ts'
import { dunningSchemas } from './modules/dunning/schemas.ts'
import { eventRoutes } from './modules/events/routes.ts'
import { eventSchemas, webhooksOfDocument } from './modules/events/schemas.ts'
import { holdRoutes } from './modules/holds/routes.ts'
import { holdSchemas } from './modules/holds/schemas.ts'
import { interactionRoutes } from './modules/interactions/routes.ts'
import { interactionSchemas } from './modules/interactions/schemas.ts'
import { batchSchemas } from './modules/invoices/batch-schemas.ts'
import { invoiceByRefRoutes } from './modules/invoices/by-ref-routes.ts'
import { invoiceActionRoutes, invoiceRoutes } from './modules/invoices/routes.ts'
import { invoiceSchemas } from './modules/invoices/schemas.ts'
import { newOrganizationRoutes } from './modules/organizations/new-organization-routes.ts'
import { apiKeyRoutes, organizationRoutes, testClockRoutes } from './modules/organizations/routes.ts'
import { organizationSchemas } from './modules/organizations/schemas.ts'
import { planActionRoutes } from './modules/payment-plans/action-routes.ts'
import { planRoutes } from './modules/payment-plans/routes.ts'
import { planSchemas } from './modules/payment-plans/schemas.ts'
import { allocationRoutes } from './modules/payments/allocation-routes.ts'
import { paymentByRefRoutes } from './modules/payments/by-ref-routes.ts'
import { clientBalanceRoutes, paymentRoutes } from './modules/payments/routes.ts'
import { paymentSchemas } from './modules/payments/schemas.ts'
import { pendingWriteRoutes } from './modules/pending-writes/routes.ts'
import { pendingWriteSchemas } from './modules/pending-writes/schemas.ts'
import { promiseRoutes } from './modules/promises/routes.ts'
import { promiseSchemas } from './modules/promises/schemas.ts'
import { riskModelRoutes } from './modules/risk/model-routes.ts'
import { clientRiskRoutes, invoiceRiskRoutes, riskScoreRoutes } from './modules/risk/routes.ts'
import { riskSchemas } from './modules/risk/schemas.ts'
import { deliveryRoutes } from './modules/webhooks/delivery-routes.ts'
import { endpointReplayRoutes, replayRoutes } from './modules/webhooks/replay-routes.ts'
import { ReplaySchema } from './modules/webhooks/replay-schemas.ts'
import { endpointActionRoutes, endpointRoutes } from './modules/webhooks/routes.ts'
import { webhookSchemas } from './modules/webhooks/schemas.ts'
import type { Services } from './services.ts'

export type App = FastifyInstance
export type Logger = FastifyBaseLogger

export type AppDeps = Readonly<{
  services: Services
  database: Database
  clock: Clock
  newId: () => string
  seal: Seal
  /** Rejects while this process does not fit its database. */
  isFit: () => Promise<unknown>
  logger: FastifyBaseLogger | false
  operatorToken: string | undefined
  limits: Limits
  /** Addresses of proxies whose word on where a request comes from is taken. */
  trustedProxies?: readonly string[]
  /** Whether the API is shown in the browser, at /docs. */
  hasDocs?: boolean
  /** Absent where nothing is measured. */
  metrics?: MetricsOptions
  /** Absent where nothing is traced. */
  tracing?: Tracing
}>

const BODY_MAX_BYTES = 4 * 1024 * 1024
const REQUEST_TIMEOUT_MS = 60_000
const docsOptions = { routePrefix: '/docs', uiConfig: { persistAuthorization: true, tryItOutEnabled: true } } as const

export const apiSchemas = [
  ProblemSchema,
  ExternalRef,
  ...organizationSchemas,
  ...clientSchemas,
  ...invoiceSchemas,
  ...batchSchemas,
  ...paymentSchemas,
  ...pendingWriteSchemas,
  ...creditNoteSchemas,
  ...holdSchemas,
  ...promiseSchemas,
  ...planSchemas,
  ...interactionSchemas,
  ...disputeSchemas,
  ...policySchemas,
  ...dunningSchemas,
  ...riskSchemas,
  ...eventSchemas,
  ...webhookSchemas,
  ReplaySchema
]

/** The whole HTTP side, in reading order. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { services, database, clock, newId, seal } = deps
  const app = Fastify({
    ...(deps.logger === false ? { logger: false } : { loggerInstance: deps.logger }),
    // The serializer checks what of several shapes an answer has, and knows our formats only when told.
    serializerOpts: { ajv: { formats, discriminator: true } },
    schemaController: { compilersFactory: { buildValidator, buildSerializer } },
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    genReqId: requestIdFrom(newId),
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: [...(deps.trustedProxies ?? [])],
    frameworkErrors: refuseUnrouted,
    clientErrorHandler: refuseUnreadable(newId),
    // While it stops, what is answered is a problem like any other: see `registerDrain`.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_200 }
  }).withTypeProvider<TypeBoxTypeProvider>()

  for (const schema of apiSchemas) app.addSchema(schema)
  await app.register(swagger, openapiOptions(webhooksOfDocument())) // before any route, or it is not seen
  const wrong = wrongAttempts(deps)
  registerProblems(app, wrong)
  registerRequestId(app)
  registerRequestLog(app)
  if (deps.tracing !== undefined) registerTracing(app, deps.tracing)
  registerDrain(app, newId)
  if (deps.hasDocs === true) await app.register(swaggerUi, docsOptions)
  if (deps.metrics !== undefined) registerMetrics(app, deps.metrics, wrong)
  registerHealth(app, deps)
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())

  const edge: Edge = { database, once: createOnce({ database, clock, seal }) }
  await app.register(
    async (v1) => {
      registerContract(v1)
      registerAuthentication(v1, { authenticate: services.apiKeys.authenticate, operatorToken: deps.operatorToken, wrong })
      registerLimits(v1, deps)
      registerCursors(v1)
      v1.addHook('preValidation', refuseMalformedQuery)
      registerPathReferences(v1, { database, find: services.references.find })
      v1.addHook('preHandler', refuseUnstorableText)
      await v1.register(newOrganizationRoutes, { prefix: '/organizations', ...edge, ...services, newId })
      await v1.register(organizationRoutes, { prefix: '/organization', ...edge, ...services })
      await v1.register(apiKeyRoutes, { prefix: '/api-keys', ...edge, ...services })
      await v1.register(testClockRoutes, { prefix: '/test-clock', ...edge, ...services })
      await v1.register(clientRoutes, { prefix: '/clients', ...edge, ...services })
      await v1.register(offboardingRoutes, { prefix: '/clients', ...edge, ...services })
      await v1.register(clientByRefRoutes, { prefix: '/clients/by-ref', ...edge, ...services })
      await v1.register(clientBalanceRoutes, { prefix: '/clients', ...edge, ...services })
      await v1.register(invoiceRoutes, { prefix: '/invoices', ...edge, ...services })
      await v1.register(invoiceActionRoutes, { prefix: '/invoices', ...edge, ...services })
      await v1.register(invoiceByRefRoutes, { prefix: '/invoices/by-ref', ...edge, ...services })
      await v1.register(paymentRoutes, { prefix: '/payments', ...edge, ...services })
      await v1.register(allocationRoutes, { prefix: '/payments', ...edge, ...services })
      await v1.register(paymentByRefRoutes, { prefix: '/payments/by-ref', ...edge, ...services })
      await v1.register(pendingWriteRoutes, { prefix: '/pending-writes', ...edge, ...services })
      await v1.register(promiseRoutes, { prefix: '/promises', ...edge, ...services })
      await v1.register(planRoutes, { prefix: '/payment-plans', ...edge, ...services })
      await v1.register(planActionRoutes, { prefix: '/payment-plans', ...edge, ...services })
      await v1.register(creditNoteRoutes, { prefix: '/credit-notes', ...edge, ...services })
      await v1.register(disputeRoutes, { prefix: '/disputes', ...edge, ...services })
      await v1.register(holdRoutes, { prefix: '/holds', ...edge, ...services })
      await v1.register(interactionRoutes, { prefix: '/interactions', ...edge, ...services })
      await v1.register(policyRoutes, { prefix: '/dunning-policies', ...edge, ...services })
      await v1.register(dunningRoutes, { prefix: '/dunning', ...edge, ...services })
      await v1.register(entryRoutes, { prefix: '/dunning/entries', ...edge, ...services })
      await v1.register(invoiceDunningRoutes, { prefix: '/invoices', ...edge, ...services })
      await v1.register(clientRiskRoutes, { prefix: '/clients', ...edge, ...services })
      await v1.register(invoiceRiskRoutes, { prefix: '/invoices', ...edge, ...services })
      await v1.register(riskScoreRoutes, { prefix: '/risk-scores', ...edge, ...services })
      await v1.register(riskModelRoutes, { prefix: '/risk-model', ...edge, ...services })
      await v1.register(eventRoutes, { ...edge, ...services })
      await v1.register(endpointRoutes, { prefix: '/webhook-endpoints', ...edge, ...services })
      await v1.register(endpointActionRoutes, { prefix: '/webhook-endpoints', ...edge, ...services })
      await v1.register(endpointReplayRoutes, { prefix: '/webhook-endpoints', ...edge, ...services })
      await v1.register(replayRoutes, { prefix: '/webhook-replays', ...edge, ...services })
      await v1.register(deliveryRoutes, { prefix: '/webhook-deliveries', ...edge, ...services })
    },
    { prefix: '/v1' }
  )
  return app as unknown as FastifyInstance
}
