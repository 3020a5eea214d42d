import type { Tx } from '../../db/client.ts'
import { statement } from '../../db/statement.ts'
import { secretContext } from './endpoint-service.ts'
import { openHeaders, type Sealing, type StoredHeaders, sealHeaders } from './header-secrets.ts'
import { NONCE_BYTES } from './secret-box.ts'

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

/** Locks the health, which stands for the endpoint: a change of its settings writes all of them. */
const lockHeaders = statement<{ endpointId: string }>(
  'webhook_endpoints.lock_headers',
  `select h.endpoint_id as "endpointId" from webhook_endpoint_health h
   join webhook_endpoints e on e.org_id = h.org_id and e.id = h.endpoint_id
   where h.org_id = $1 and exists (select from jsonb_each(e.headers) v
     where jsonb_typeof(v.value) = 'string' or not starts_with(v.value ->> 'sealed', $2))
   order by h.endpoint_id for no key update of h`
)
/** After the lock, as who held it last has left them. */
const selectHeaders = statement<{ id: string; headers: StoredHeaders }>(
  'webhook_endpoints.headers',
  'select id, headers from webhook_endpoints where org_id = $1 and id = any($2::uuid[])'
)
const writeHeaders = statement<{ id: string }>(
  'webhook_endpoints.reseal_headers',
  `update webhook_endpoints e set headers = t.headers from unnest($2::uuid[], $3::jsonb[]) as t(id, headers)
   where e.org_id = $1 and e.id = t.id`
)

/** Any sealed value begins with it. */
const ANY_KEY = ''

/** Seals what of an organization's endpoints is secret with the key of the box: their signing secrets, the values of their headers. */
export function createResealService({ secretBox, randomBytes }: Sealing) {
  async function resealSecrets(tx: Tx): Promise<number> {
    const others = await tx.run(selectOthers, [tx.orgId, `${secretBox.keyId}.`])
    if (others.length === 0) return 0
    const sealed = others.map(({ endpointId, sealed: before }) => {
      const context = secretContext(tx.orgId, endpointId)
      return secretBox.seal(secretBox.open(before, context), { nonce: randomBytes(NONCE_BYTES), context })
    })
    await tx.run(writeSealed, [tx.orgId, others.map(({ id }) => id), sealed])
    return others.length
  }

  async function resealHeaders(tx: Tx, sealedBy: string): Promise<number> {
    const locked = await tx.run(lockHeaders, [tx.orgId, sealedBy])
    if (locked.length === 0) return 0
    const found = await tx.run(selectHeaders, [tx.orgId, locked.map(({ endpointId }) => endpointId)])
    const anew = found.map(({ id, headers }) => {
      const owner = { orgId: tx.orgId, endpointId: id }
      return sealHeaders(openHeaders(headers, { ...secretBox, ...owner }), { secretBox, randomBytes, ...owner })
    })
    await tx.run(writeHeaders, [tx.orgId, found.map(({ id }) => id), anew.map((headers) => JSON.stringify(headers))])
    return anew.flatMap(Object.keys).length
  }

  return {
    /** @returns how many secrets and values were. @throws Error for one whose key is not configured; then none was. */
    reseal: async (tx: Tx): Promise<number> => (await resealHeaders(tx, `${secretBox.keyId}.`)) + (await resealSecrets(tx)),

    /** Of headers that a release which did not seal them has stored. @returns how many values were. */
    sealHeadersInTheClear: (tx: Tx): Promise<number> => resealHeaders(tx, ANY_KEY)
  }
}
