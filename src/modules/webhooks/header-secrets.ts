import { NONCE_BYTES, type SecretBox } from './secret-box.ts'

/** A value that a release without sealing has stored, or a sealed one. */
type StoredValue = string | Readonly<{ sealed: string }>
/** An endpoint's own headers as they are stored: the names in the clear, the values sealed. */
export type StoredHeaders = Readonly<Record<string, StoredValue>>

type Owner = Readonly<{ orgId: string; endpointId: string }>
export type Sealing = Readonly<{ secretBox: SecretBox; randomBytes: (length: number) => Buffer }>

/** Where a sealed value belongs: it opens in no other header and of no other endpoint. */
function headerContext({ orgId, endpointId }: Owner, name: string): string {
  return `${orgId}/${endpointId}/headers/${name}`
}

export function sealHeaders(
  headers: Readonly<Record<string, string>>,
  { secretBox, randomBytes, ...owner }: Sealing & Owner
): StoredHeaders {
  const sealed = (name: string, value: string) =>
    secretBox.seal(value, { nonce: randomBytes(NONCE_BYTES), context: headerContext(owner, name) })
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, { sealed: sealed(name, value) }]))
}

/** @param open opens what was sealed in a context. @throws Error where a value's key is missing, or it belongs elsewhere. */
export function openHeaders(
  stored: StoredHeaders,
  { open, ...owner }: Owner & Readonly<{ open: (sealed: string, context: string) => string }>
): Record<string, string> {
  const opened = (name: string, value: StoredValue) =>
    typeof value === 'string' ? value : open(value.sealed, headerContext(owner, name))
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, opened(name, value)]))
}
