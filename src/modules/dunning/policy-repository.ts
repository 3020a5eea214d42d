import { and, desc, eq, gte, lt, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import type { PolicyRef } from './facts.ts'
import type { FullPolicyDocument } from './policy-document.ts'
import { dunningPolicies, dunningPolicyVersions } from './table.ts'

/** The policy as it is now, or one of its earlier versions: `createdAt` is the policy's, `versionedAt` the version's own. */
export type PolicyRow = Readonly<{
  id: string
  version: number
  document: FullPolicyDocument
  createdAt: Date
  versionedAt: Date
}>

const insertPolicy = statement<{ id: string }>(
  'dunning_policies.insert',
  `with policy as (
     insert into dunning_policies (org_id, id, name, version, created_at, updated_at) values ($1, $2, $3, $4, $6, $6)
   )
   insert into dunning_policy_versions (org_id, policy_id, version, document, created_at) values ($1, $2, $4, $5, $6)`
)

export async function insert(tx: Tx, { id, version, document, createdAt }: PolicyRow): Promise<void> {
  await tx.run(insertPolicy, [tx.orgId, id, document.name, version, document, createdAt])
}

const addVersion = statement<{ id: string }>(
  'dunning_policies.add_version',
  `with policy as (
     update dunning_policies set name = $3, version = $4, updated_at = $6 where org_id = $1 and id = $2
   )
   insert into dunning_policy_versions (org_id, policy_id, version, document, created_at) values ($1, $2, $4, $5, $6)`
)

export async function saveVersion(tx: Tx, { id, version, document, versionedAt }: PolicyRow): Promise<void> {
  await tx.run(addVersion, [tx.orgId, id, document.name, version, document, versionedAt])
}

const source = `dunning_policies p join dunning_policy_versions v
   on v.org_id = p.org_id and v.policy_id = p.id and v.version = p.version`
const columns = 'p.id, p.version, v.document, p.created_at as "createdAt", v.created_at as "versionedAt"'

const select = statement<PolicyRow>('dunning_policies.find', `select ${columns} from ${source} where p.org_id = $1 and p.id = $2`)
const lockRow = statement<{ id: string }>(
  'dunning_policies.lock_row',
  'select id from dunning_policies where org_id = $1 and id = $2 for no key update'
)

export async function find(reader: Reader, id: string): Promise<PolicyRow | undefined> {
  const [row] = await reader.run(select, [reader.orgId, id])
  return row
}

/** Locks, then reads, in one trip: in one statement, a version made while it waited would leave the policy without a document. */
export async function findForUpdate(tx: Tx, id: string): Promise<PolicyRow | undefined> {
  const [, [row]] = await Promise.all([tx.run(lockRow, [tx.orgId, id]), tx.run(select, [tx.orgId, id])])
  return row
}

const countAll = statement<{ count: number }>(
  'dunning_policies.count',
  'select count(*)::int as count from dunning_policies where org_id = $1'
)

export async function count(reader: Reader): Promise<number> {
  const [row] = await reader.run(countAll, [reader.orgId])
  return row?.count ?? 0
}

const selectVersions = statement<PolicyRef & { document: FullPolicyDocument }>(
  'dunning_policies.versions',
  `select v.policy_id as "policyId", v.version, v.document
   from unnest($2::uuid[], $3::int[]) as wanted(policy_id, version)
   join dunning_policy_versions v on v.org_id = $1 and v.policy_id = wanted.policy_id and v.version = wanted.version`
)

export function versionsAt(
  reader: Reader,
  refs: readonly PolicyRef[]
): Promise<(PolicyRef & { document: FullPolicyDocument })[]> {
  return reader.run(selectVersions, [reader.orgId, refs.map((ref) => ref.policyId), refs.map((ref) => ref.version)])
}

type Page = Readonly<{ limit: number; after: { at: Date; id: string } | null; updatedSince: Date | null }>

/** Newest first. */
export function page(reader: Reader, { limit, after, updatedSince }: Page): Promise<PolicyRow[]> {
  return reader.sql
    .select(row)
    .from(dunningPolicies)
    .innerJoin(
      dunningPolicyVersions,
      and(
        eq(dunningPolicyVersions.orgId, dunningPolicies.orgId),
        eq(dunningPolicyVersions.policyId, dunningPolicies.id),
        eq(dunningPolicyVersions.version, dunningPolicies.version)
      )
    )
    .where(
      and(
        eq(dunningPolicies.orgId, reader.orgId),
        updatedSince === null ? undefined : gte(dunningPolicies.updatedAt, updatedSince),
        after === null
          ? undefined
          : sql`(${dunningPolicies.createdAt}, ${dunningPolicies.id}) < (${after.at.toISOString()}::timestamptz, ${after.id}::uuid)`
      )
    )
    .orderBy(desc(dunningPolicies.createdAt), desc(dunningPolicies.id))
    .limit(limit)
}

type VersionPage = Readonly<{ policyId: string; limit: number; before: number | null; updatedSince: Date | null }>

/** The versions of one policy, newest first. */
export function pageOfVersions(reader: Reader, { policyId, limit, before, updatedSince }: VersionPage): Promise<PolicyRow[]> {
  return reader.sql
    .select(row)
    .from(dunningPolicyVersions)
    .innerJoin(
      dunningPolicies,
      and(eq(dunningPolicies.orgId, dunningPolicyVersions.orgId), eq(dunningPolicies.id, dunningPolicyVersions.policyId))
    )
    .where(
      and(
        eq(dunningPolicyVersions.orgId, reader.orgId),
        eq(dunningPolicyVersions.policyId, policyId),
        before === null ? undefined : lt(dunningPolicyVersions.version, before),
        updatedSince === null ? undefined : gte(dunningPolicyVersions.createdAt, updatedSince)
      )
    )
    .orderBy(desc(dunningPolicyVersions.version))
    .limit(limit)
}

const row = {
  id: dunningPolicies.id,
  version: dunningPolicyVersions.version,
  document: dunningPolicyVersions.document,
  createdAt: dunningPolicies.createdAt,
  versionedAt: dunningPolicyVersions.createdAt
}
