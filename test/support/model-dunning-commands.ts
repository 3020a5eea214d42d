import fc from 'fast-check'
import { done, policyBody, type StageBody } from './dunning.ts'
import { attempt, command, dayAfter, n, nowOf, pick } from './model-command.ts'
import { actions } from './model-service.ts'

// Time, and what says whether and how the client is dunned.

export const advance = fc.integer({ min: 1, max: 20 }).map((days) =>
  command(`advance(${days})`, async (_, { ledger }) => {
    await ledger.advance(days)
  })
)

/** From now on through a day, which may be past; null ends it. */
export const exempt = fc.option(fc.integer({ min: -2, max: 25 })).map((days) =>
  command(`exempt(${days ?? 'no more'})`, async (books, world) => {
    const at = await nowOf(world)
    const untilOn = days === null ? null : dayAfter(at, days)
    await done(world.ledger.call('PATCH', `/v1/clients/${world.clientId}`, { body: { dunning_exempt_until_on: untilOn } }))
    books.exempt({ at, untilOn })
  })
)

/** Begins once. From then on invoices are issued for what was agreed before. */
export const offboard = fc.constant(
  command(
    'offboard()',
    async (books, { ledger, clientId }) => {
      await done(ledger.call('POST', `/v1/clients/${clientId}/offboard`, { body: {} }))
      books.isLeaving = true
    },
    ({ isLeaving }) => !isLeaving
  )
)

const acting = (stages: readonly StageBody[]): StageBody[] =>
  stages.map((stage) => ({ ...stage, ...(actions[stage.code] !== undefined && { action: actions[stage.code] }) }))

const plain: readonly (readonly StageBody[])[] = [
  [
    { code: 'courtesy', offset_days: -3 },
    { code: 'reminder', offset_days: 3 },
    { code: 'second', offset_days: 10 },
    { code: 'final', offset_days: 24, repeat_every_days: 7 }
  ],
  [
    { code: 'reminder', offset_days: 1, grace_days: 4 },
    { code: 'final', offset_days: 8 }
  ],
  [
    { code: 'second', offset_days: 5 },
    { code: 'last', offset_days: 12, repeat_every_days: 3 }
  ],
  [
    { code: 'reminder', offset_days: 2 },
    { code: 'handover', offset_days: 15 }
  ]
]

export const ladders = plain.map(acting)

/** At or past the end of the one ladder whose last stage is not repeated: what moved to it from there has nothing ahead. */
export const endStages = ladders.flat().flatMap(({ code, offset_days: days }) => (days >= 8 ? [code] : []))

const edits = fc.record({
  ladder: fc.constantFrom(...ladders),
  in_flight: fc.constantFrom('keep', 'move'),
  progression: fc.constantFrom('jump', 'sequential'),
  min_days_between: fc.nat({ max: 5 }),
  disputed_part: fc.constantFrom('exclude', 'hold_invoice')
})

export const edit = edits.map(({ ladder, ...policy }) =>
  command(
    `edit(${ladder.map(({ code }) => code).join(' ')}, ${Object.values(policy).join(', ')})`,
    async (_, { ledger, policyIds: [policyId] }) => {
      await attempt(ledger.call('PUT', `/v1/dunning-policies/${policyId}`, { body: policyBody(ladder, policy) }))
    }
  )
)

const scopes = fc.constantFrom('client' as const, 'invoice' as const, 'organization' as const)

/** Another policy, or none of its own any more, for what is new or for all. */
export const follow = fc.tuple(scopes, n, fc.option(fc.nat({ max: 1 })), fc.boolean()).map(([scope, which, policy, all]) =>
  command(
    `follow(${scope} ${which}, ${policy ?? 'none'}, ${all ? 'all' : 'new'})`,
    async (books, { ledger, clientId, policyIds }) => {
      const id = policy === null ? null : (policyIds[policy] ?? null)
      const send = {
        client: () => [`/v1/clients/${clientId}`, { dunning_policy_id: id, applies_to: all ? 'all' : 'new_invoices' }] as const,
        invoice: () => [`/v1/invoices/${pick(books.invoices, which).id}`, { dunning_policy_id: id }] as const,
        organization: () =>
          [
            '/v1/organization',
            { default_dunning_policy_id: id ?? policyIds[0], applies_to: all ? 'all' : 'not_entered' }
          ] as const
      }[scope]
      const [path, body] = send()
      await attempt(ledger.call('PATCH', path, { body }))
    },
    ({ invoices }) => scope !== 'invoice' || invoices.length > 0
  )
)
