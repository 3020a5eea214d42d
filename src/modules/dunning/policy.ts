import { DomainError } from '../../kernel/errors.ts'
import type { Currency } from '../../kernel/money.ts'
import { type ContactRole, contactRoles } from '../clients/client.ts'
import type { ContactLimits } from './contact.ts'

/** `jump` enters the stage that the age says; `sequential` takes one stage at a time. */
export const progressions = ['jump', 'sequential'] as const
export const tones = ['friendly', 'firm', 'final', 'formal'] as const
export const stageActions = ['suspend_service', 'end_service', 'refer_to_collections', 'refer_to_legal'] as const
/** What a due date on a closed day means: it stands, or the next open day takes its place. */
export const closedDueDays = ['as_is', 'next_open'] as const

/** Of a claim that is disputed in part: the rest is dunned, or nothing of it is. */
export const disputedParts = ['exclude', 'hold_invoice'] as const

export type Progression = (typeof progressions)[number]
export type Tone = (typeof tones)[number]
export type StageAction = (typeof stageActions)[number]
export type ClosedDueDay = (typeof closedDueDays)[number]
export type DisputedPart = (typeof disputedParts)[number]

/** One rung of the ladder. */
export type Stage = Readonly<{
  /** The organization's own word, unique within the policy. */
  code: string
  /** Calendar days after the due date; negative is before it. */
  offsetDays: number
  tone: Tone
  /** The new deadline that this stage grants, in calendar days; no further entry is made before it is over. 0 grants none. */
  graceDays: number
  action: StageAction | null
  /** Days from one entry of the last stage to its next repetition; null enters it once. */
  repeatEveryDays: number | null
  /** The contacts that the stage is for; empty is for all. */
  audience: readonly ContactRole[]
}>

/** One version of a policy. It never changes: editing makes the next version. */
export type Policy = Readonly<{
  name: string
  progression: Progression
  /** Calendar days between two entries of one obligation. */
  minDaysBetween: number
  /** In minor units; a balance at or below its currency's figure is not dunned. A currency that is absent has no minimum. */
  minBalanceMinor: ReadonlyMap<Currency, bigint>
  /** Entries are made on open days only. */
  businessDays: boolean
  dueOnClosedDay: ClosedDueDay
  /** `HH:MM`, local to the client where it has a zone of its own, else to the organization. No entry is made earlier in the day. */
  sendAt: string
  disputedPart: DisputedPart
  /** How often a client is told, over all that it owes; null is as often as there is something to tell, once a day at most. */
  contactLimits: ContactLimits | null
  /** By strictly increasing offset, 1 to 20. */
  stages: readonly Stage[]
}>

/** What a policy may hold at most. Days are calendar days. */
export const policyLimits = {
  nameLength: 100,
  stages: 20,
  codeLength: 64,
  offsetDays: { from: -365, through: 3650 },
  graceDays: 365,
  minDaysBetween: 365,
  repeatEveryDays: 365,
  contactMinDays: 90,
  contactsPerWeek: 7
} as const

/** What an organization has from its first minute. */
export const defaultPolicy: Policy = {
  name: 'Standard',
  progression: 'jump',
  minDaysBetween: 3,
  minBalanceMinor: new Map(),
  businessDays: true,
  dueOnClosedDay: 'as_is',
  sendAt: '09:00',
  disputedPart: 'exclude',
  contactLimits: null,
  stages: [
    { code: 'courtesy', offsetDays: -3, tone: 'friendly', graceDays: 0, action: null, repeatEveryDays: null, audience: [] },
    { code: 'reminder', offsetDays: 3, tone: 'friendly', graceDays: 0, action: null, repeatEveryDays: null, audience: [] },
    { code: 'second', offsetDays: 10, tone: 'firm', graceDays: 0, action: null, repeatEveryDays: null, audience: [] },
    {
      code: 'final',
      offsetDays: 24,
      tone: 'final',
      graceDays: 10,
      action: 'suspend_service',
      repeatEveryDays: null,
      audience: []
    },
    {
      code: 'handover',
      offsetDays: 60,
      tone: 'formal',
      graceDays: 0,
      action: 'refer_to_collections',
      repeatEveryDays: null,
      audience: []
    }
  ]
}

/**
 * Refuses with `invalid_policy` what would make the ladder ambiguous: offsets that do not rise, a code used twice, a
 * repetition that is not the end. The pointer names the field in the document (`/stages/2/offset_days`).
 */
export function checkPolicy(policy: Policy): void {
  refuseUnless(isLabel(policy.name, policyLimits.nameLength), '/name', 'A policy needs a name of at most 100 characters.')
  refuseUnless(progressions.includes(policy.progression), '/progression', 'The progression is jump or sequential.')
  refuseUnless(
    isDays(policy.minDaysBetween, { from: 0, through: policyLimits.minDaysBetween }),
    '/min_days_between',
    `The days between two entries are a whole number from 0 to ${policyLimits.minDaysBetween}.`
  )
  refuseUnless(typeof policy.businessDays === 'boolean', '/business_days', 'Whether entries wait for open days is true or false.')
  refuseUnless(
    closedDueDays.includes(policy.dueOnClosedDay),
    '/due_on_closed_day',
    'A due date on a closed day is as_is or next_open.'
  )
  refuseUnless(/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(policy.sendAt), '/send_at', 'The time of sending is HH:MM from 00:00 to 23:59.')
  refuseUnless(
    disputedParts.includes(policy.disputedPart),
    '/disputed_part',
    `The disputed part is ${disputedParts.join(' or ')}.`
  )
  checkContactLimits(policy.contactLimits)
  for (const [currency, minor] of policy.minBalanceMinor) {
    refuseUnless(minor >= 0n, `/min_balance/${currency}`, 'A minimum balance is not negative.')
  }
  const { length } = policy.stages
  refuseUnless(length >= 1 && length <= policyLimits.stages, '/stages', `A policy has 1 to ${policyLimits.stages} stages.`)
  policy.stages.forEach((stage, index) => {
    checkStage(stage, `/stages/${index}`)
    checkPlace(policy.stages, index)
  })
}

function checkContactLimits(limits: ContactLimits | null): void {
  if (limits === null) return
  const { contactMinDays, contactsPerWeek } = policyLimits
  refuseUnless(
    isDays(limits.minDays, { from: 0, through: contactMinDays }),
    '/contact_limits/min_days',
    `The days between two contacts are a whole number from 0 to ${contactMinDays}.`
  )
  refuseUnless(
    isDays(limits.perWeek, { from: 1, through: contactsPerWeek }),
    '/contact_limits/per_week',
    `The contacts in a week are a whole number from 1 to ${contactsPerWeek}.`
  )
}

function checkStage(stage: Stage, pointer: string): void {
  const { offsetDays, graceDays, repeatEveryDays } = policyLimits
  refuseUnless(
    isLabel(stage.code, policyLimits.codeLength),
    `${pointer}/code`,
    `A stage's code has 1 to ${policyLimits.codeLength} characters and no space at its ends.`
  )
  refuseUnless(
    isDays(stage.offsetDays, offsetDays),
    `${pointer}/offset_days`,
    `An offset is a whole number of days from ${offsetDays.from} to ${offsetDays.through}.`
  )
  refuseUnless(tones.includes(stage.tone), `${pointer}/tone`, `A tone is one of ${tones.join(', ')}.`)
  refuseUnless(
    isDays(stage.graceDays, { from: 0, through: graceDays }),
    `${pointer}/grace_days`,
    `The grace is a whole number of days from 0 to ${graceDays}.`
  )
  refuseUnless(
    stage.action === null || stageActions.includes(stage.action),
    `${pointer}/action`,
    `An action is one of ${stageActions.join(', ')}, or null.`
  )
  refuseUnless(
    stage.repeatEveryDays === null || isDays(stage.repeatEveryDays, { from: 1, through: repeatEveryDays }),
    `${pointer}/repeat_every_days`,
    `A stage repeats every 1 to ${repeatEveryDays} days, or not at all.`
  )
  refuseUnless(
    stage.audience.every((role) => contactRoles.includes(role)) && new Set(stage.audience).size === stage.audience.length,
    `${pointer}/audience`,
    `An audience names each of ${contactRoles.join(', ')} at most once.`
  )
}

/** Holds a stage against the ones before it and against its being the last. */
function checkPlace(stages: readonly Stage[], index: number): void {
  const stage = stages[index]
  if (stage === undefined) return
  const before = stages[index - 1]
  refuseUnless(
    before === undefined || before.offsetDays < stage.offsetDays,
    `/stages/${index}/offset_days`,
    'Each stage has a greater offset than the one before it.'
  )
  refuseUnless(
    stages.findIndex((other) => other.code === stage.code) === index,
    `/stages/${index}/code`,
    `The code ${stage.code} is used by an earlier stage.`
  )
  if (stage.repeatEveryDays === null) return
  const pointer = `/stages/${index}/repeat_every_days`
  refuseUnless(index === stages.length - 1, pointer, 'Only the last stage can repeat.')
  refuseUnless(stage.offsetDays >= 0, pointer, 'A stage before the due date cannot repeat: it ends with the due date.')
}

function refuseUnless(holds: boolean, pointer: string, sentence: string): void {
  if (!holds) throw new DomainError('invalid_policy', sentence, { pointer })
}

function isDays(value: number, { from, through }: { from: number; through: number }): boolean {
  return Number.isInteger(value) && value >= from && value <= through
}

/** Readable in a message and in a list: not blank, no space at its ends, no control character. */
function isLabel(text: string, maxLength: number): boolean {
  return text.length > 0 && text.length <= maxLength && text === text.trim() && !/\p{Cc}/u.test(text)
}
