import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  foreignKey,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid
} from 'drizzle-orm/pg-core'
import { calendarDay, instant, minor, orgId } from '../../db/columns.ts'
import { clients } from '../clients/table.ts'
import { invoices } from '../invoices/table.ts'
import { organizations } from '../organizations/table.ts'
import type { ClientState } from './client-state.ts'
import type { ModelVersion } from './model.ts'
import type { DaySums } from './organization-days.ts'
import type { OrganizationState } from './organization-state.ts'
import type { Band } from './score.ts'
import type { RiskSettings } from './settings.ts'

/** Doubles one after the other, as a Float64Array holds them: they come back to the last bit. */
const doubles = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** Where the score of each organization stands. Its row lock makes following one at a time. */
export const riskOrganizations = pgTable(
  'risk_organizations',
  {
    orgId: orgId(),
    settings: jsonb().$type<RiskSettings>().notNull(),
    /** By which the states were counted: when the settings say otherwise, everything is counted anew. */
    model: text().$type<ModelVersion>().notNull(),
    seriousDays: integer().notNull(),
    /** The day of the last daily pass. */
    day: calendarDay().notNull(),
    /** When the next begins. */
    nextPassAt: instant().notNull(),
    /** The last event that was followed. */
    followedSeq: bigint({ mode: 'bigint' }).notNull(),
    /** What the ledger says at the start of the day. */
    state: jsonb().$type<OrganizationState>().notNull(),
    /** How many clients have each score from 0 to 1000. */
    distribution: jsonb().$type<number[]>().notNull(),
    /** Rows of `Weights`, at level 0 and at the serious level, that followed every outcome known by the start of the day. */
    lateCovariance: doubles().notNull(),
    seriousCovariance: doubles().notNull(),
    /** Outcomes known up to this day count for nothing: the weights were set back then. */
    resetOn: calendarDay(),
    /** An outcome that was followed turned out otherwise: the next pass follows all of them again. */
    isStale: boolean().notNull(),
    /** Rises with whatever changes here; what a process keeps in memory is of a version. */
    version: integer().notNull(),
    updatedAt: instant().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId] }),
    foreignKey({ name: 'risk_organizations_organization', columns: [t.orgId], foreignColumns: [organizations.orgId] })
  ]
)

/** The terms of an organization's sums by the day from whose start they count, see `organizationTerms`. */
export const riskDays = pgTable(
  'risk_days',
  {
    orgId: orgId(),
    day: calendarDay().notNull(),
    sums: jsonb().$type<DaySums>().notNull()
  },
  (t) => [primaryKey({ columns: [t.orgId, t.day] })]
)

/** The weights of each day on which they changed: at level 0 and at the serious level, in the order of the model's features. */
export const riskWeights = pgTable(
  'risk_weights',
  {
    orgId: orgId(),
    day: calendarDay().notNull(),
    late: doubles().notNull(),
    serious: doubles().notNull(),
    lateOutcomes: integer().notNull(),
    seriousOutcomes: integer().notNull()
  },
  (t) => [primaryKey({ columns: [t.orgId, t.day] })]
)

/** An invoice as the states hold it, so that what it added can be taken out again, with the features it had on its issue day. */
export const riskClaims = pgTable(
  'risk_claims',
  {
    orgId: orgId(),
    invoiceId: uuid().notNull(),
    clientId: uuid().notNull(),
    number: text().notNull(),
    issuedOn: calendarDay().notNull(),
    dueOn: calendarDay().notNull(),
    amount: doublePrecision().notNull(),
    currency: text().notNull(),
    isDisputed: boolean().notNull(),
    settledOn: calendarDay(),
    isWrittenOff: boolean().notNull(),
    lateKnownOn: calendarDay().notNull(),
    seriousKnownOn: calendarDay().notNull(),
    /** Offset, then features, at level 0 and at the serious level; null until it is scored. */
    lateFeatures: doubles(),
    seriousFeatures: doubles()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.invoiceId] }),
    foreignKey({ name: 'risk_claims_invoice', columns: [t.orgId, t.invoiceId], foreignColumns: [invoices.orgId, invoices.id] }),
    index('risk_claims_of_client').on(t.orgId, t.clientId, t.issuedOn),
    index('risk_claims_open').on(t.orgId, t.clientId).where(sql`${t.settledOn} is null`),
    index('risk_claims_late_known').on(t.orgId, t.lateKnownOn),
    index('risk_claims_serious_known').on(t.orgId, t.seriousKnownOn)
  ]
)

/** A client's record. It ages as it is read, so that it is written only when something happened. */
export const riskClients = pgTable(
  'risk_clients',
  // As text, for it is always read whole: jsonb would be taken apart and put together again each time.
  { orgId: orgId(), clientId: uuid().notNull(), state: json().$type<ClientState>().notNull() },
  (t) => [
    primaryKey({ columns: [t.orgId, t.clientId] }),
    foreignKey({ name: 'risk_clients_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] })
  ]
)

/** The latest score of each client, and the day on which it became that. Apart from the record, which is a hundred times as long. */
export const riskRankings = pgTable(
  'risk_rankings',
  {
    orgId: orgId(),
    clientId: uuid().notNull(),
    scoredOn: calendarDay().notNull(),
    score: integer().notNull(),
    band: text().$type<Band>().notNull(),
    late: doublePrecision().notNull(),
    seriouslyLate: doublePrecision().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.clientId] }),
    foreignKey({ name: 'risk_rankings_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    index('risk_rankings_by_score').on(t.orgId, t.score, t.clientId)
  ]
)

/** What a client owes in a currency as of the last pass, and what of it is expected to end seriously late. */
export const riskExposures = pgTable(
  'risk_exposures',
  {
    orgId: orgId(),
    clientId: uuid().notNull(),
    currency: text().notNull(),
    openMinor: minor().notNull(),
    overdueMinor: minor().notNull(),
    expectedBadMinor: minor().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.clientId, t.currency] }),
    foreignKey({ name: 'risk_exposures_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] }),
    index('risk_exposures_by_expected_bad').on(t.orgId, t.currency, t.expectedBadMinor, t.clientId)
  ]
)

/** The score of each day on which it, or its band, was another than before. */
export const riskScores = pgTable(
  'risk_scores',
  {
    orgId: orgId(),
    clientId: uuid().notNull(),
    day: calendarDay().notNull(),
    score: integer().notNull(),
    band: text().$type<Band>().notNull(),
    late: doublePrecision().notNull(),
    seriouslyLate: doublePrecision().notNull()
  },
  (t) => [
    primaryKey({ columns: [t.orgId, t.clientId, t.day] }),
    foreignKey({ name: 'risk_scores_client', columns: [t.orgId, t.clientId], foreignColumns: [clients.orgId, clients.id] })
  ]
)
