import { isDeepStrictEqual } from 'node:util'
import type { Reader, Tx } from '../../db/client.ts'
import { assert } from '../../kernel/assert.ts'
import { BoundedMap } from '../../kernel/bounded-map.ts'
import type { BusinessCalendar } from '../../kernel/calendar.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type Day, dayIn } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'
import { type Currency, isActiveCurrency } from '../../kernel/money.ts'
import type { PaymentTerms } from '../../kernel/terms.ts'
import {
  type Books,
  type CalendarSettings,
  calendarOf,
  checkCalendar,
  type DefaultPolicyScope,
  type Organization,
  type Present
} from './organization.ts'
import { createOrganizationCache } from './organization-cache-service.ts'
import * as repository from './repository.ts'

export type OrganizationGrounds = Readonly<{
  now: Date
  /** The other default policy, if what has entered a stage moves to it; else null. */
  movesTo: Readonly<{ policyId: string; version: number }> | null
}>

export type OrganizationPorts = Readonly<{
  /** Dunning gives a new organization its default policy. @returns the policy's id */
  seedPolicy: (tx: Tx, now: Date) => Promise<string>
  /** What decisions rest on changed for the whole organization: everything open is to be decided anew. */
  groundsChanged: (tx: Tx, changed: OrganizationGrounds) => Promise<void>
}>

export type OrganizationServiceDeps = Readonly<{ clock: Clock; ports: OrganizationPorts; wakeClock: () => void }>

export type NewOrganization = Readonly<{
  name: string
  mode: 'live' | 'test'
  timeZone: string
  locale: string
  defaultCurrency: Currency
  defaultPaymentTerms: PaymentTerms
  calendar: Readonly<{ weekend: readonly number[]; country: string | null; region: string | null; closedDays: readonly Day[] }>
  /** Where a test organization's clock starts; now unless said. */
  clockAt: Date | null
  /** The day on which the organization is made unless said. */
  dunningFromOn: Day | null
}>

export type OrganizationChange = Readonly<
  Partial<Omit<NewOrganization, 'mode' | 'clockAt' | 'calendar' | 'dunningFromOn'>> & {
    calendar?: Partial<NewOrganization['calendar']>
    defaultDunningPolicyId?: string
    policyAppliesTo?: DefaultPolicyScope
    autoApplyCredit?: boolean
    promiseGraceDays?: number
    clearingDays?: number
    dunningFromOn?: Day
    announcedDaysMax?: number
  }
>

const DAY_MS = 86_400_000
const ADVANCE_MAX_DAYS = 31
/** A transfer across borders and a cheque take about as long. */
const CLEARING_DAYS = 3
const ANNOUNCED_DAYS_MAX = 400
const CALENDARS_MAX = 10_000
/** Clocks run within the days that invoices have: beyond the last, no day could be told in every time zone. */
const CLOCK_EARLIEST = new Date('1970-01-01T00:00:00Z')
const CLOCK_LATEST = new Date('2199-12-31T00:00:00Z')

export function createOrganizationService({ clock, ports, wakeClock }: OrganizationServiceDeps) {
  const calendars = new BoundedMap<string, BusinessCalendar>(CALENDARS_MAX)
  const cache = createOrganizationCache()

  /** A version never changes, so what was built from it is kept. */
  const calendarFor = (orgId: string, settings: CalendarSettings): BusinessCalendar =>
    calendars.getOrMake(`${orgId}/${settings.version}`, () => calendarOf(settings))

  const booksOf = (organization: Organization | undefined): Books => {
    assert(organization !== undefined, 'a scope names an organization that exists')
    return {
      organization,
      now: organization.clockAt ?? clock.now(),
      calendar: calendarFor(organization.id, organization.calendar)
    }
  }

  return {
    async create(tx: Tx, input: NewOrganization): Promise<Organization> {
      const now = clock.now()
      const clockAt = input.mode === 'test' ? (input.clockAt ?? now) : null
      if (clockAt !== null) requireInTime(clockAt, '/clock_at')
      const calendar = { version: 1, ...input.calendar }
      checkCalendar(calendar, { place: true })
      const draft: Organization = {
        ...input,
        id: tx.orgId,
        calendar,
        defaultDunningPolicyId: null,
        policyVersions: new Map(),
        autoApplyCredit: true,
        promiseGraceDays: 2,
        clearingDays: CLEARING_DAYS,
        dunningFromOn: input.dunningFromOn ?? dayIn(clockAt ?? now, input.timeZone),
        announcedDaysMax: ANNOUNCED_DAYS_MAX,
        clockAt,
        clockTargetAt: null,
        version: 1,
        createdAt: clockAt ?? now,
        updatedAt: clockAt ?? now
      }
      await repository.insert(tx, draft)
      await repository.insertCalendar(tx, calendar, clockAt ?? now)
      const policyId = await ports.seedPolicy(tx, clockAt ?? now)
      const organization = { ...draft, defaultDunningPolicyId: policyId, policyVersions: new Map([[policyId, 1]]) }
      await repository.save(tx, organization)
      return organization
    },

    /** The organization with its time and calendar, for whatever the caller does next in this transaction. */
    books: async (reader: Reader): Promise<Books> => booksOf(await cache.find(reader)),

    /** What time it is for the organization, for who needs nothing else of it. */
    async present(reader: Reader): Promise<Present> {
      const found = await repository.findPresent(reader)
      assert(found !== undefined, 'a scope names an organization that exists')
      return { now: found.clockAt ?? clock.now(), organization: { timeZone: found.timeZone } }
    },

    booksForUpdate: async (tx: Tx): Promise<Books> => booksOf(await repository.findForUpdate(tx)),

    /** An earlier version of the calendar, for making a past decision again. */
    async calendarAt(reader: Reader, version: number): Promise<BusinessCalendar> {
      const settings = await repository.findCalendar(reader, version)
      assert(settings !== undefined, 'a recorded calendar version exists')
      return calendarFor(reader.orgId, settings)
    },

    async update(
      tx: Tx,
      { change, expectedVersion }: { change: OrganizationChange; expectedVersion?: number | undefined }
    ): Promise<Organization> {
      const { organization: before, now } = booksOf(await repository.findForUpdate(tx))
      refuseStale(before.version, expectedVersion)
      const { calendar: said, policyAppliesTo, ...settings } = change
      if (settings.defaultCurrency !== undefined && settings.defaultCurrency !== before.defaultCurrency) {
        requireActive(settings.defaultCurrency)
      }
      if (isDeepStrictEqual({ ...before, ...settings, calendar: { ...before.calendar, ...said } }, before)) return before
      const isSameCalendar = isDeepStrictEqual({ ...before.calendar, ...said }, before.calendar)
      const calendarChange = isSameCalendar ? undefined : said
      const calendar =
        calendarChange === undefined
          ? before.calendar
          : { ...before.calendar, ...calendarChange, version: before.calendar.version + 1 }
      const after: Organization = { ...before, ...settings, calendar, version: before.version + 1, updatedAt: now }
      if (calendarChange !== undefined) {
        const { country, region } = before.calendar
        checkCalendar(calendar, { place: calendar.country !== country || calendar.region !== region })
        await repository.insertCalendar(tx, calendar, now)
      }
      await repository.save(tx, after)
      const isOtherPolicy = after.defaultDunningPolicyId !== before.defaultDunningPolicyId
      const movesTo = isOtherPolicy && policyAppliesTo === 'all' ? currentDefault(after) : null
      const grounds = calendarChange !== undefined || after.timeZone !== before.timeZone || isOtherPolicy
      if (grounds) await ports.groundsChanged(tx, { now, movesTo })
      return after
    },

    /**
     * Sends the test clock on its way. It moves in the background, one boundary after the other; the clock object tells
     * when it has arrived. Asking for the same again, or for less than it is already going to, changes nothing.
     */
    async advanceClock(tx: Tx, to: { at: Date } | { days: number }): Promise<Organization> {
      const { organization: before } = booksOf(await repository.findForUpdate(tx))
      const from = requireTestClock(before)
      if (before.clockTargetAt !== null)
        throw new DomainError('clock_is_advancing', 'The clock is on its way; wait until it has arrived.')
      const target = 'at' in to ? to.at : new Date(from.getTime() + to.days * DAY_MS)
      const pointer = 'at' in to ? '/to_at' : '/days'
      if (target < from)
        throw new DomainError('clock_moves_forward_only', `The clock stands at ${from.toISOString()} and never goes back.`, {
          pointer
        })
      if (target.getTime() - from.getTime() > ADVANCE_MAX_DAYS * DAY_MS) {
        throw new DomainError('clock_advance_too_long', `One call advances at most ${ADVANCE_MAX_DAYS} days.`, { pointer })
      }
      requireInTime(target, pointer)
      await repository.moveClock(tx, { at: from, targetAt: target })
      tx.afterCommit(wakeClock)
      return { ...before, clockTargetAt: target }
    },

    /** Puts the clock where it is told, over time in which nothing is due. */
    async setClock(
      tx: Tx,
      { at, nothingDueBefore }: { at: Date; nothingDueBefore: (at: Date) => Promise<boolean> }
    ): Promise<Organization> {
      const { organization: before } = booksOf(await repository.findForUpdate(tx))
      const from = requireTestClock(before)
      if (before.clockTargetAt !== null)
        throw new DomainError('clock_is_advancing', 'The clock is on its way; wait until it has arrived.')
      if (at < from)
        throw new DomainError('clock_moves_forward_only', `The clock stands at ${from.toISOString()} and never goes back.`, {
          pointer: '/now_at'
        })
      requireInTime(at, '/now_at')
      if (!(await nothingDueBefore(at))) {
        throw new DomainError(
          'clock_passes_due_work',
          'Something falls due on the way there. Use POST /v1/test-clock/advance, which does it at its time.',
          { pointer: '/now_at' }
        )
      }
      await repository.moveClock(tx, { at, targetAt: null })
      return { ...before, clockAt: at }
    },

    /** The clock reached `at`; it stands still there when `targetAt` is null. Part of the boundary's transaction. */
    async clockReached(tx: Tx, { at, targetAt }: { at: Date; targetAt: Date | null }): Promise<void> {
      await repository.moveClock(tx, { at, targetAt })
    },

    organizationsAdvancing: (scheduler: Reader) => repository.organizationsAdvancing(scheduler, 1_000),
    organizationsAfter: (scheduler: Reader, page: { after: string; limit: number }) =>
      repository.organizationsAfter(scheduler, page),
    requireTest(organization: Organization): Organization {
      requireTestClock(organization)
      return organization
    }
  }
}

export type OrganizationService = ReturnType<typeof createOrganizationService>

export function refuseStale(version: number, expected: number | undefined): void {
  if (expected !== undefined && expected !== version) {
    throw new DomainError('version_conflict', `This is version ${version} now; the change was made from version ${expected}.`)
  }
}

/** Of another default currency than the one that stands. */
function requireActive(code: Currency): void {
  if (isActiveCurrency(code)) return
  const sentence = 'The standard has retired this currency. Give an active one.'
  throw new DomainError('unknown_currency', sentence, { pointer: '/default_currency' })
}

function requireInTime(at: Date, pointer: string): void {
  if (at >= CLOCK_EARLIEST && at <= CLOCK_LATEST) return
  const [earliest, latest] = [CLOCK_EARLIEST, CLOCK_LATEST].map((limit) => limit.toISOString().slice(0, 10))
  throw new DomainError('invalid_date', `A clock stands between ${earliest} and ${latest}.`, { pointer })
}

function requireTestClock(organization: Organization): Date {
  if (organization.clockAt === null)
    throw new DomainError('not_a_test_organization', 'Only a test organization has a clock of its own.')
  return organization.clockAt
}

function currentDefault({ defaultDunningPolicyId: policyId, policyVersions }: Organization): OrganizationGrounds['movesTo'] {
  assert(policyId !== null, 'an organization has a default policy')
  const version = policyVersions.get(policyId)
  assert(version !== undefined, 'the default was written, so it exists')
  return { policyId, version }
}
