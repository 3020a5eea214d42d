import { type Static, Type } from 'typebox'
import {
  Amount,
  closed,
  Id,
  InstantText,
  named,
  nullable,
  oneOf,
  optional,
  pageQuery,
  ref,
  updatedSince
} from '../../http/schemas.ts'
import { contactRoles } from '../clients/client.ts'
import {
  closedDueDays,
  defaultPolicy,
  disputedParts,
  type Policy,
  policyLimits,
  progressions,
  stageActions,
  tones
} from './policy.ts'
import { checkedPolicyFrom, type FullPolicyDocument } from './policy-document.ts'
import type { PolicyRow } from './policy-repository.ts'
import { inFlightChoices } from './policy-service.ts'

const { offsetDays, graceDays, minDaysBetween, repeatEveryDays, contactMinDays, contactsPerWeek } = policyLimits

const stageFields = {
  code: Type.String({
    minLength: 1,
    maxLength: policyLimits.codeLength,
    description: 'Your own word, unique within the policy',
    examples: ['reminder']
  }),
  offset_days: Type.Integer({
    minimum: offsetDays.from,
    maximum: offsetDays.through,
    description: 'Calendar days after the due date; negative is before it. Strictly increasing from stage to stage'
  }),
  tone: oneOf(tones),
  grace_days: Type.Integer({
    minimum: 0,
    maximum: graceDays,
    description: 'The new deadline that this stage grants; the next one waits for its end'
  }),
  action: nullable(oneOf(stageActions, { description: 'What the stage asks you to do' })),
  repeat_every_days: nullable(
    Type.Integer({ minimum: 1, maximum: repeatEveryDays, description: 'Only for the last stage: repeated until paid' })
  ),
  audience: Type.Array(oneOf(contactRoles), {
    maxItems: contactRoles.length,
    uniqueItems: true,
    description: 'The contacts that events and notices of this stage name; empty names all'
  })
}

export const DunningStageSchema = named('DunningStage', closed(stageFields))

const policyFields = {
  name: Type.String({ minLength: 1, maxLength: policyLimits.nameLength }),
  progression: oneOf(progressions, {
    description: '`jump` enters the stage that the age says and lists those passed over; `sequential` takes one at a time'
  }),
  min_days_between: Type.Integer({
    minimum: 0,
    maximum: minDaysBetween,
    description: 'Calendar days between two entries of one obligation'
  }),
  min_balance: Type.Record(Type.String({ pattern: '^[A-Z]{3}$' }), Amount, {
    description:
      'By currency: at or below this nothing is dunned. A retired code is taken where the version that is replaced has it',
    examples: [{ EUR: '5.00' }]
  }),
  business_days: Type.Boolean({ description: 'Entries are made on open days of the business calendar only' }),
  due_on_closed_day: oneOf(closedDueDays, {
    description: 'What a due date on a closed day means: it stands, or the next open day takes its place'
  }),
  send_at: Type.String({
    pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
    description: 'Local time of the client, else of the organization: no entry is made earlier in the day',
    examples: [defaultPolicy.sendAt]
  }),
  disputed_part: oneOf(disputedParts, {
    description: 'Of an invoice that is disputed in part: `exclude` goes on dunning the rest, `hold_invoice` duns nothing of it'
  }),
  contact_limits: nullable(
    closed(
      {
        min_days: Type.Integer({
          minimum: 0,
          maximum: contactMinDays,
          description: 'Calendar days from one contact to the next'
        }),
        per_week: Type.Integer({ minimum: 1, maximum: contactsPerWeek, description: 'Contacts in any seven days' })
      },
      {
        description:
          'Of `client.dunning_notice_due`, over everything that a client owes: a notice that may not go yet waits and merges with the next, while stages follow the age. Of several policies the strictest counts'
      }
    )
  ),
  stages: Type.Array(ref(DunningStageSchema), { minItems: 1, maxItems: policyLimits.stages })
}

export const DunningPolicySchema = named(
  'DunningPolicy',
  closed(
    { id: Id, ...policyFields, version: Type.Integer(), created_at: InstantText, updated_at: InstantText },
    { description: 'An ordered ladder of stages. Editing makes the next version; earlier ones stay as they were' }
  )
)

export const DunningPolicyVersionSchema = named(
  'DunningPolicyVersion',
  closed({ policy_id: Id, version: Type.Integer(), ...policyFields, created_at: InstantText })
)

const WrittenStage = closed({
  ...optional(stageFields),
  code: stageFields.code,
  offset_days: stageFields.offset_days,
  tone: stageFields.tone
})
const written = {
  ...optional(policyFields),
  name: policyFields.name,
  stages: Type.Array(WrittenStage, { minItems: 1, maxItems: policyLimits.stages })
}

export const CreateDunningPolicy = closed(written, {
  description: 'What is absent is as in the policy that you started with',
  examples: [
    {
      name: 'Two steps',
      min_balance: { EUR: '5.00' },
      stages: [
        { code: 'reminder', offset_days: 3, tone: 'friendly' },
        { code: 'final', offset_days: 21, tone: 'final', grace_days: 7, action: 'suspend_service' }
      ]
    }
  ]
})
export const ReplaceDunningPolicy = closed({
  ...written,
  in_flight: Type.Optional(
    oneOf(inFlightChoices, {
      description:
        'What becomes of invoices that entered a stage of an earlier version: they keep it (unless said), or move to this one by the codes of their stages',
      default: 'keep'
    })
  )
})

export const PolicyQuery = closed({ ...pageQuery, ...updatedSince })

export const policySchemas = [DunningStageSchema, DunningPolicySchema, DunningPolicyVersionSchema]

/** @throws DomainError that names the field, for what a schema cannot say: the order of stages, a currency, an amount. */
export function policyFrom(document: Static<typeof CreateDunningPolicy>): Policy {
  return checkedPolicyFrom(document)
}

export function toApi({ id, version, document, createdAt, versionedAt }: PolicyRow) {
  return { id, ...copyOf(document), version, created_at: createdAt.toISOString(), updated_at: versionedAt.toISOString() }
}

export function versionToApi({ id, version, document, versionedAt }: PolicyRow) {
  return { policy_id: id, version, ...copyOf(document), created_at: versionedAt.toISOString() }
}

function copyOf({ min_balance: minBalance, contact_limits: limits, stages, ...document }: FullPolicyDocument) {
  return { ...document, min_balance: { ...minBalance }, contact_limits: limits && { ...limits }, stages: stages.map(stageToApi) }
}

function stageToApi({ audience, ...stage }: FullPolicyDocument['stages'][number]) {
  return { ...stage, audience: [...audience] }
}
