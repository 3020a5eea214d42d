import { Type } from 'typebox'
import { closed, Id, InstantText, named, nullable, oneOf, ShortText } from '../../http/schemas.ts'
import { scopes } from './api-key.ts'
import type { ApiKey } from './repository.ts'

const keyFields = {
  id: Id,
  name: Type.String(),
  prefix: Type.String({ description: 'The first characters of the key, to tell keys apart' }),
  scopes: Type.Array(oneOf(scopes), { maxItems: scopes.length }),
  expires_at: nullable(InstantText),
  last_used_at: nullable(InstantText),
  created_at: InstantText
}
export const ApiKeySchema = named('ApiKey', closed(keyFields))
export const NewApiKeySchema = named('NewApiKey', closed({ ...keyFields, key: Type.String({ description: 'Shown this once' }) }))

export const CreateApiKey = closed(
  {
    name: ShortText,
    scopes: Type.Array(oneOf(scopes), { minItems: 1, maxItems: scopes.length, uniqueItems: true }),
    expires_at: Type.Optional(nullable(InstantText))
  },
  { examples: [{ name: 'Bookkeeping', scopes: ['write'] }] }
)

export const RotateApiKey = closed({
  expires_at: Type.Optional(
    nullable(
      Type.String({
        format: 'date-time',
        description:
          'When the new key expires, null for never. Omitted, it is when the old one does; required if that one has expired.'
      })
    )
  )
})

export function keyToApi(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    created_at: key.createdAt.toISOString()
  }
}
