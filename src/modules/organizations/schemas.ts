import { type Static, Type } from 'typebox'
import {
  ActiveCurrencyCode,
  CurrencyCode,
  closed,
  DayText,
  Id,
  InstantText,
  Locale,
  named,
  nullable,
  oneOf,
  ref,
  ShortText,
  TimeZone
} from '../../http/schemas.ts'
import { day } from '../../kernel/day.ts'
import { requireTogether } from '../../kernel/errors.ts'
import { currency, knownCurrency } from '../../kernel/money.ts'
import type { CalendarSystem, PaymentTerms } from '../../kernel/terms.ts'
import type { Mode } from './api-key.ts'
import { ApiKeySchema, NewApiKeySchema } from './api-key-schemas.ts'
import { defaultPolicyScopes, type Organization } from './organization.ts'
import type { NewOrganization, OrganizationChange } from './service.ts'
import { waitingFields } from './waiting-schemas.ts'

const CalendarSystemName = oneOf(['iso8601', 'persian', 'hebrew'], { description: 'Whose months count; iso8601 unless said' })
const Days = Type.Integer({ minimum: 0, maximum: 365 })

type WrittenTerms =
  | { kind: 'net'; days: number }
  | { kind: 'end_of_month'; days: number; calendar?: CalendarSystem }
  | { kind: 'day_of_month'; day: number; months: number; calendar?: CalendarSystem }

/** Fills in whose months count where the caller left it out. */
export function termsFrom(terms: WrittenTerms): PaymentTerms {
  return terms.kind === 'net' ? terms : { ...terms, calendar: terms.calendar ?? 'iso8601' }
}

const NetTerms = named('NetTerms', closed({ kind: oneOf(['net']), days: Days }, { description: 'Days after the issue' }))
const EndOfMonthTerms = named(
  'EndOfMonthTerms',
  closed(
    { kind: oneOf(['end_of_month']), days: Days, calendar: Type.Optional(CalendarSystemName) },
    { description: 'Days after the end of the month of issue' }
  )
)
const DayOfMonthTerms = named(
  'DayOfMonthTerms',
  closed(
    {
      kind: oneOf(['day_of_month']),
      day: Type.Integer({ minimum: 1, maximum: 31 }),
      months: Type.Integer({ minimum: 1, maximum: 12 }),
      calendar: Type.Optional(CalendarSystemName)
    },
    { description: 'A day of a month after the month of issue; its last day where it has no such day' }
  )
)

export const PaymentTermsSchema = named(
  'PaymentTerms',
  Type.Unsafe<WrittenTerms>({
    description: 'When an invoice falls due that does not say it itself',
    type: 'object',
    required: ['kind'],
    discriminator: { propertyName: 'kind' },
    oneOf: [ref(NetTerms), ref(EndOfMonthTerms), ref(DayOfMonthTerms)]
  })
)

const calendarFields = {
  weekend: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
    maxItems: 6,
    uniqueItems: true,
    description: 'ISO weekdays that are closed, Monday 1'
  }),
  country: nullable(Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166 country whose public holidays are closed' })),
  region: nullable(Type.String({ minLength: 1, maxLength: 10, description: 'Region of that country' })),
  closed_days: Type.Array(DayText, {
    maxItems: 1000,
    uniqueItems: true,
    description:
      'Your own closed days. With the weekend and the holidays, at most 366 days in a row may be closed: what waits for an open day could not go on.'
  })
}

const DunningFromOn = Type.String({
  format: 'date',
  description:
    'The day from which you dun here; by default the day on which the organization was made. An invoice that is overdue when it arrives and fell due before this day starts at the stage of its age, without events and actions; every other one starts normally. `dunning_start` of an invoice overrides this'
})

export const OrganizationSchema = named(
  'Organization',
  closed({
    id: Id,
    name: Type.String(),
    mode: oneOf(['live', 'test']),
    time_zone: TimeZone,
    locale: Locale,
    default_currency: CurrencyCode,
    default_payment_terms: ref(PaymentTermsSchema),
    default_dunning_policy_id: nullable(Id),
    auto_apply_credit: Type.Boolean({ description: 'Apply unapplied credit to the next invoice in its currency at once' }),
    ...waitingFields,
    dunning_from_on: DunningFromOn,
    calendar: closed({ version: Type.Integer(), ...calendarFields }),
    version: Type.Integer(),
    created_at: InstantText,
    updated_at: InstantText
  })
)

const WeekendDefault = [6, 7]
const settings = {
  name: ShortText,
  time_zone: TimeZone,
  locale: Locale,
  default_currency: ActiveCurrencyCode,
  default_payment_terms: ref(PaymentTermsSchema)
}

export const CreateOrganization = closed(
  {
    ...settings,
    locale: Type.Optional(Locale),
    default_payment_terms: Type.Optional(ref(PaymentTermsSchema)),
    mode: oneOf(['live', 'test'], { description: 'A test organization has a clock of its own' }),
    clock_at: Type.Optional(InstantText),
    dunning_from_on: Type.Optional(DunningFromOn),
    calendar: Type.Optional(Type.Partial(closed(calendarFields), { additionalProperties: false }))
  },
  {
    examples: [
      {
        name: 'Example Ltd',
        mode: 'test',
        time_zone: 'Europe/Berlin',
        default_currency: 'EUR',
        calendar: { weekend: [6, 7], country: 'DE' }
      }
    ]
  }
)

export const UpdateOrganization = Type.Partial(
  closed({
    ...settings,
    default_currency: Type.String({
      format: 'currency',
      minLength: 3,
      maxLength: 3,
      description: 'ISO 4217; a code that the standard has retired is refused unless it is the one that stands'
    }),
    default_dunning_policy_id: Id,
    applies_to: oneOf(defaultPolicyScopes, {
      description:
        'What another `default_dunning_policy_id` is for, besides new invoices. `not_entered` (default): open invoices that have not entered a stage; the others end their ladder under the policy that they started with. `all`: those go on under it, too; stages that were entered count by code, others by age. Invoices and clients with a policy of their own keep it'
    }),
    auto_apply_credit: Type.Boolean(),
    ...waitingFields,
    dunning_from_on: DunningFromOn,
    calendar: Type.Partial(closed(calendarFields), { additionalProperties: false })
  }),
  { additionalProperties: false, minProperties: 1 }
)

export const NewOrganizationSchema = named(
  'NewOrganization',
  closed({ organization: ref(OrganizationSchema), api_key: ref(NewApiKeySchema) })
)

export const TestClockSchema = named(
  'TestClock',
  closed({
    now_at: InstantText,
    status: oneOf(['still', 'advancing']),
    target_at: nullable(InstantText)
  })
)
export const SetTestClock = closed({ now_at: InstantText })
export const AdvanceTestClock = Type.Unsafe<{ to_at: string } | { days: number }>(
  Type.Object(
    { to_at: Type.Optional(InstantText), days: Type.Optional(Type.Integer({ minimum: 1, maximum: 31 })) },
    {
      additionalProperties: false,
      minProperties: 1,
      maxProperties: 1,
      description: 'Either the instant to reach or a number of days',
      examples: [{ days: 1 }]
    }
  )
)

export const organizationSchemas = [
  NetTerms,
  EndOfMonthTerms,
  DayOfMonthTerms,
  PaymentTermsSchema,
  OrganizationSchema,
  ApiKeySchema,
  NewApiKeySchema,
  NewOrganizationSchema,
  TestClockSchema
]

export function toApi(organization: Organization) {
  const { version, weekend, country, region, closedDays } = organization.calendar
  return {
    id: organization.id,
    name: organization.name,
    mode: organization.mode,
    time_zone: organization.timeZone,
    locale: organization.locale,
    default_currency: organization.defaultCurrency,
    default_payment_terms: organization.defaultPaymentTerms,
    default_dunning_policy_id: organization.defaultDunningPolicyId,
    auto_apply_credit: organization.autoApplyCredit,
    promise_grace_days: organization.promiseGraceDays,
    clearing_days: organization.clearingDays,
    dunning_from_on: organization.dunningFromOn,
    announced_days_max: organization.announcedDaysMax,
    calendar: { version, weekend: [...weekend], country, region, closed_days: [...closedDays] },
    version: organization.version,
    created_at: organization.createdAt.toISOString(),
    updated_at: organization.updatedAt.toISOString()
  }
}

export function clockToApi(organization: Organization) {
  return {
    now_at: organization.clockAt?.toISOString() ?? '',
    status: organization.clockTargetAt === null ? ('still' as const) : ('advancing' as const),
    target_at: organization.clockTargetAt?.toISOString() ?? null
  }
}

export function newOrganizationFrom(body: Static<typeof CreateOrganization>): NewOrganization {
  return {
    name: body.name,
    mode: body.mode satisfies Mode,
    timeZone: body.time_zone,
    locale: body.locale ?? 'en',
    defaultCurrency: currency(body.default_currency),
    defaultPaymentTerms: termsFrom(body.default_payment_terms ?? { kind: 'net', days: 30 }),
    clockAt: body.clock_at === undefined ? null : new Date(body.clock_at),
    dunningFromOn: body.dunning_from_on === undefined ? null : day(body.dunning_from_on),
    calendar: {
      weekend: body.calendar?.weekend ?? WeekendDefault,
      country: body.calendar?.country ?? null,
      region: body.calendar?.region ?? null,
      closedDays: (body.calendar?.closed_days ?? []).map(day)
    }
  }
}

export function organizationChangeFrom(body: Static<typeof UpdateOrganization>): OrganizationChange {
  requireTogether(body, 'applies_to', 'default_dunning_policy_id')
  const { calendar } = body
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.time_zone !== undefined && { timeZone: body.time_zone }),
    ...(body.locale !== undefined && { locale: body.locale }),
    ...(body.default_currency !== undefined && { defaultCurrency: knownCurrency(body.default_currency) }),
    ...(body.default_payment_terms !== undefined && { defaultPaymentTerms: termsFrom(body.default_payment_terms) }),
    ...(body.default_dunning_policy_id !== undefined && { defaultDunningPolicyId: body.default_dunning_policy_id }),
    ...(body.applies_to !== undefined && { policyAppliesTo: body.applies_to }),
    ...(body.auto_apply_credit !== undefined && { autoApplyCredit: body.auto_apply_credit }),
    ...(body.promise_grace_days !== undefined && { promiseGraceDays: body.promise_grace_days }),
    ...(body.clearing_days !== undefined && { clearingDays: body.clearing_days }),
    ...(body.dunning_from_on !== undefined && { dunningFromOn: day(body.dunning_from_on) }),
    ...(body.announced_days_max !== undefined && { announcedDaysMax: body.announced_days_max }),
    ...(calendar !== undefined && {
      calendar: {
        ...(calendar.weekend !== undefined && { weekend: calendar.weekend }),
        ...(calendar.country !== undefined && { country: calendar.country }),
        ...(calendar.region !== undefined && { region: calendar.region }),
        ...(calendar.closed_days !== undefined && { closedDays: calendar.closed_days.map(day) })
      }
    })
  }
}
