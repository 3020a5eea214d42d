import type { Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { secretContext } from './endpoint-service.ts'
import { NONCE_BYTES, type SecretBox } from './secret-box.ts'

const selectOthers = statement<{ id: string; endpointId: string; sealed: string }>(
  'webhook_endpoints.sealed_otherwise',
  `select id, endpoint_id as "endpointId", sealed from webhook_endpoint_secrets
   where org_id = $1 and not starts_with(sealed, $2) order by id for update`
)
const writeSealed = statement<{ id: string }>(
  'webhook_endpoints.reseal',
  `update webhook_endpoint_secrets s set sealed = t.sealed from unnest($2::uuid[], $3::text[]) as t(id, sealed)
   where s.org_id = $1 and s.id = t.id`
)

/** Seals the secrets of an organization's endpoints anew with the key of the box, where another one did. */
export function createResealService({
  secretBox,
  randomBytes
}: Readonly<{ secretBox: SecretBox; randomBytes: (n: number) => Buffer }>) {
  return {
    /** @returns how many were. @throws Error for one whose key is not configured; then none was. */
    async reseal(tx: Tx): Promise<number> {
      const others = await tx.run(selectOthers, [tx.orgId, `${secretBox.keyId}.`])
      if (others.length === 0) return 0
      const sealed = others.map(({ endpointId, sealed: before }) => {
        const context = secretContext(tx.orgId, endpointId)
        return secretBox.seal(secretBox.open(before, context), { nonce: randomBytes(NONCE_BYTES), context })
      })
      await tx.run(writeSealed, [tx.orgId, others.map(({ id }) => id), sealed])
      return others.length
    }
  }
}
