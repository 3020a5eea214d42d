import { afterAll, expect, test } from 'vitest'
import { webhooksOfDocument } from '../../src/modules/events/schemas.ts'
import { startApp } from '../support/app.ts'
import { documentOf, operationsOf, type Schema } from './document.ts'

/** An answer or a body of an event that grows with a ledger is too large one day: every list in it has an end. */
const service = await startApp()
afterAll(service.close)
const document = documentOf(service.app)
const { schemas } = document.components

/** What has no fixed end, and why it does not grow with a ledger. */
const reasons: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...[
        'ClientBalance.balances',
        'ClientBalance.branches.balances',
        'ClientBalance.consolidated',
        'ClosingStatement.currencies'
      ],
      ...['ClientRiskScore.exposure', 'RankedRiskScore.exposure']
    ].map((list) => [list, 'one for each currency'])
  ),
  ...Object.fromEntries(
    ['ClientRiskScore.factors', 'InvoiceRiskScore.factors', 'RiskModel.weights'].map((list) => [list, 'one for each feature'])
  ),
  ...Object.fromEntries(
    ['WebhookEndpoint', 'NewWebhookEndpoint'].flatMap((name) => [
      [`${name}.header_names`, 'of the headers that the caller named'],
      [`${name}.public_keys`, 'one, and those that were rotated within a day']
    ])
  ),
  'DunningEntry.outcomes': 'one for each report of what came of one message',
  'DunningExplanation.obligations.why': 'one for each rule that is looked at',
  'Problem.errors': 'one for each field of the request',
  'WebhookDeliveryWithAttempts.log': 'ten attempts by itself, and ten for each retry by hand, as long as they are kept',
  'WebhookReplay.states': 'one for each status of a delivery',
  'listEventTypes.data': 'one for each type of event'
}

/** The lists without an end, as `Component.field`, or by the operation where they are in no component. */
function endless(schema: Schema, path: string, seen: Set<string>): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    if (seen.has(name)) return []
    seen.add(name)
    const found = schemas[name]
    return found === undefined ? [`${path} refers to nothing`] : endless(found, name, seen)
  }
  const own = schema.type === 'array' && schema.maxItems === undefined ? [path] : []
  const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.items === undefined ? [] : [schema.items])]
  return [
    ...own,
    ...parts.flatMap((part) => endless(part, path, seen)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, part]) => endless(part, `${path}.${name}`, seen))
  ]
}

const webhooks = Object.entries(webhooksOfDocument())
const ends = (schema: Schema, path: string) => endless(schema, path, new Set()).filter((at) => reasons[at] === undefined)

test.for(webhooks)('no list in the body of %s is without an end', ([type, { post }]) => {
  expect(ends(post.requestBody.content['application/json'].schema as Schema, type)).toEqual([])
})

test.for(operationsOf(document).map((operation) => [operation.operationId, operation] as const))(
  'no list in what %s answers is without an end',
  ([id, { responses }]) => {
    const answers = Object.values(responses).flatMap(({ content = {} }) => Object.values(content))
    expect(answers.flatMap(({ schema }) => ends(schema, id))).toEqual([])
  }
)
