import { parseArgs } from 'node:util'
import type { Tx } from '../db/client.ts'
import { everyOrganization } from '../every-organization.ts'
import type { Process } from '../main.ts'
import { OPERATOR_ORG_ID } from '../modules/organizations/api-key.ts'
import * as idempotencyRepository from '../modules/organizations/idempotency-repository.ts'
import { offline } from './offline.ts'

export const usage = `usage: dunwell reseal [--json]

Seals with DUNWELL_SECRET_KEY every secret that one of DUNWELL_OTHER_SECRET_KEYS sealed, and every header of a webhook endpoint
that stands in the clear.
`

/**
 * Seals every secret with DUNWELL_SECRET_KEY that one of DUNWELL_OTHER_SECRET_KEYS has sealed, of webhook endpoints, in their headers
 * and in stored answers. Afterwards nothing needs the former key.
 */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { values } = parseArgs({ args: argv, options: { json: { type: 'boolean', default: false } } })
  const counts = await offline(environment, resealAll)
  const { organizations, secrets, answers } = counts
  const text = `Sealed anew  ${secrets} secrets of ${organizations} organizations\n             ${answers} stored answers that show a secret\n`
  process.stdout.write(values.json ? `${JSON.stringify(counts)}\n` : text)
  return 0
}

type Counts = { organizations: number; secrets: number; answers: number }

export async function resealAll(parts: Pick<Process, 'database' | 'services' | 'keyId' | 'seal'>): Promise<Counts> {
  const { database, services } = parts
  const counts = { organizations: 0, secrets: 0, answers: 0 }
  // What the operator was answered: the first keys of organizations.
  counts.answers += await database.scoped(OPERATOR_ORG_ID, (tx) => resealAnswers(tx, parts))
  for await (const orgId of everyOrganization(database, services)) {
    const [secrets, answers] = await database.scoped(orgId, async (tx) => [
      await services.reseal(tx),
      await resealAnswers(tx, parts)
    ])
    counts.organizations += 1
    counts.secrets += secrets
    counts.answers += answers
  }
  return counts
}

async function resealAnswers(tx: Tx, { keyId, seal }: Pick<Process, 'keyId' | 'seal'>): Promise<number> {
  const answers = await idempotencyRepository.sealedOtherwise(tx, keyId)
  const anew = answers.map(({ key, body }) => ({ key, body: seal.seal(seal.open(body)) }))
  if (anew.length > 0) await idempotencyRepository.rewrite(tx, anew)
  return anew.length
}
