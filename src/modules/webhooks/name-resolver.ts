import { lookup, Resolver } from 'node:dns/promises'
import { setTimeout as wait } from 'node:timers/promises'

export type ResolvedAddress = Readonly<{ address: string; family: 4 | 6 }>
/** All addresses of a name, in the order to try them, at least one; rejects with NameNotResolved. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>

export class NameNotResolved extends Error {
  override readonly name = 'NameNotResolved'
  readonly code = 'ERR_NAME_NOT_RESOLVED'
}

/** These names are this machine by RFC 6761: they need no server, and no server may say otherwise. */
export function isLocalhost(hostname: string): boolean {
  return /(^|\.)localhost\.?$/i.test(hostname)
}

export type ResolverSettings = Readonly<{
  /** Addresses of DNS servers, with ports if need be; those of the system when absent. */
  servers?: readonly string[]
  /** How long one server is waited for, once; each is asked twice. */
  timeoutMs?: number
}>

/** How long the second family may lag behind the first (RFC 8305, section 3). */
const LAG_MS = 50

/**
 * Asks the DNS servers itself, because `dns.lookup` waits inside one of libuv's few threads: two names whose server is
 * silent would hold back every other endpoint's new connection. The system's lookup is asked only for names that DNS
 * says it does not know, which is fast and makes names of /etc/hosts and of search domains work.
 */
export function createResolver({ servers, timeoutMs = 2_000 }: ResolverSettings = {}): Resolve {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (servers !== undefined) resolver.setServers(servers)
  return async (hostname) => {
    if (isLocalhost(hostname))
      return [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 }
      ]
    const later = answer(resolver.resolve6(hostname), 6)
    const first = await answer(resolver.resolve4(hostname), 4)
    const second = first.addresses.length > 0 ? await Promise.race([later, wait(LAG_MS, nothing)]) : await later
    const addresses = [...first.addresses, ...second.addresses]
    if (addresses.length > 0) return addresses
    if (first.isKnownMissing && second.isKnownMissing) return askSystem(hostname)
    throw new NameNotResolved(`${hostname} could not be resolved (${first.code ?? second.code}).`)
  }
}

type Answer = Readonly<{ addresses: readonly ResolvedAddress[]; code?: string; isKnownMissing: boolean }>
const nothing: Answer = { addresses: [], isKnownMissing: true }
/** Answers that come at once: no such name, none of this family, or no DNS server on this machine at all. */
const MISSING = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED', 'EBADNAME'])

async function answer(query: Promise<string[]>, family: 4 | 6): Promise<Answer> {
  try {
    return { addresses: (await query).map((address) => ({ address, family })), isKnownMissing: false }
  } catch (error) {
    const code = codeOf(error)
    return { addresses: [], code, isKnownMissing: MISSING.has(code) }
  }
}

async function askSystem(hostname: string): Promise<readonly ResolvedAddress[]> {
  try {
    const found = await lookup(hostname, { all: true, order: 'ipv4first' })
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
  } catch (error) {
    throw new NameNotResolved(`${hostname} could not be resolved (${codeOf(error)}).`)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
