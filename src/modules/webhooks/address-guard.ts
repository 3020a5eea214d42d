import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { buildConnector } from 'undici'
import { isLocalhost, type Resolve } from './name-resolver.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = readonly [Address, number]

/** Whom a webhook may be sent to. Made by `addressPolicy`, which reads the ranges once. */
export type AddressPolicy = Readonly<{
  /** http to anybody. Without it http reaches loopback at most, and that only where loopback is allowed. */
  allowHttp: boolean
  /** For development: 127.0.0.0/8 and ::1, on any port, by http too. Nothing else that is not public. */
  allowLoopback: boolean
  ports: readonly number[] | 'any'
  allowedRanges: readonly Range[]
}>

export type AddressSettings = Readonly<{
  allowHttp?: boolean
  allowLoopback?: boolean
  /** In addition to 80 for http. */
  ports?: readonly number[] | 'any'
  /** What an operator allows although it is not public, as CIDR ranges such as 10.20.0.0/16. */
  allowedCidrs?: readonly string[]
}>

export const defaultPorts: readonly number[] = [443, 8443]

/** Throws RangeError, naming the range, when one is not an address and a prefix length. */
export function addressPolicy(settings: AddressSettings = {}): AddressPolicy {
  const { allowHttp = false, allowLoopback = false, ports = defaultPorts, allowedCidrs = [] } = settings
  return { allowHttp, allowLoopback, ports, allowedRanges: allowedCidrs.map(parseRange) }
}

function parseRange(cidr: string): Range {
  if (!ipaddr.isValidCIDR(cidr)) throw new RangeError(`${cidr} is not a range of addresses such as 10.20.0.0/16.`)
  return ipaddr.parseCIDR(cidr)
}

export type RefusalCode =
  | 'invalid_url'
  | 'scheme_not_allowed'
  | 'credentials_in_url'
  | 'fragment_in_url'
  | 'host_not_allowed'
  | 'port_not_allowed'
  | 'address_not_public'

/** The reason is a sentence for the endpoint's owner. It never holds an address that only our resolver knows. */
export type Refusal = Readonly<{ allowed: false; code: RefusalCode; reason: string }>
export type AddressVerdict = Readonly<{ allowed: true; address: string }> | Refusal
export type UrlVerdict = Readonly<{ allowed: true; url: URL }> | Refusal

function refuse(code: RefusalCode, reason: string): Refusal {
  return { allowed: false, code, reason }
}

const URL_LENGTH_MAX = 2_000

/** Asked when an endpoint is made or changed, and again before each attempt, since the policy may have changed in between. */
export function judgeUrl(text: string, policy: AddressPolicy): UrlVerdict {
  // The URL standard repairs what these hide: `https:\\host` and a newline in the middle are both URLs to it.
  if (text.length > URL_LENGTH_MAX || /[\s\\\p{Cc}]/u.test(text)) {
    return refuse('invalid_url', `A URL has at most ${URL_LENGTH_MAX} characters, none of them white space or a backslash.`)
  }
  const url = URL.parse(text)
  if (url === null) return refuse('invalid_url', 'This is not an absolute URL.')
  // It is kept, and judged again, as it is sent: with what is not ASCII written out in percents.
  if (url.href.length > URL_LENGTH_MAX)
    return refuse(
      'invalid_url',
      `As it is sent, with what is not ASCII encoded, this URL has more than ${URL_LENGTH_MAX} characters.`
    )
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return refuse('scheme_not_allowed', 'The URL must begin with https://.')
  if (url.username !== '' || url.password !== '')
    return refuse('credentials_in_url', 'The URL must hold no user name or password.')
  if (text.includes('#')) return refuse('fragment_in_url', 'The URL must hold no fragment.')
  if (url.hostname.endsWith('.')) return refuse('host_not_allowed', 'The host must not end with a dot.')
  const host = judgeHost(url.hostname, policy)
  if (host !== undefined && !host.allowed) return host
  const isLoopback = policy.allowLoopback && namesLoopback(url.hostname, host)
  if (url.protocol === 'http:' && !policy.allowHttp && !isLoopback) {
    return refuse('scheme_not_allowed', 'The URL must begin with https://.')
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  const isListed = policy.ports === 'any' || policy.ports.includes(port) || (port === 80 && url.protocol === 'http:')
  return isListed || isLoopback
    ? { allowed: true, url }
    : refuse('port_not_allowed', `The port ${port} is not one that webhooks may use.`)
}

function namesLoopback(hostname: string, literal: AddressVerdict | undefined): boolean {
  if (literal === undefined) return isLocalhost(hostname)
  return literal.allowed && ipaddr.parse(literal.address).range() === 'loopback'
}

/** For a host as it stands in a URL; undefined when it is a name, which can only be judged once it is resolved. */
function judgeHost(hostname: string, policy: AddressPolicy): AddressVerdict | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (ipaddr.isValid(bare)) return judgeAddress(bare, policy)
  if (isLocalhost(bare) && !policy.allowLoopback) return refuse('address_not_public', `${bare} is not public (loopback).`)
  return undefined
}

/** Azure's platform service answers there, beside every virtual machine, although the address is a public one. */
const AZURE_PLATFORM = '168.63.129.16'
/** All public IPv6 addresses that are given out so far (RFC 4291); ipaddr.js calls ::7f00:1, which is 127.0.0.1, unicast. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Judges an address in any spelling that a system resolver would understand. An IPv4 address mapped into IPv6 is judged as
 * what it is; the translations NAT64, 6to4 and Teredo are refused, because what lies behind them cannot be judged. When
 * allowed, the answer holds the plain spelling, which is the one to connect to.
 */
export function judgeAddress(text: string, policy: AddressPolicy): AddressVerdict {
  if (!ipaddr.isValid(text)) return refuse('address_not_public', `${text} is not an address.`)
  const address = ipaddr.process(text)
  const plain = address.toString()
  const rangeName = rangeOf(address)
  const isListed = policy.allowedRanges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits))
  if (rangeName === undefined || isListed || (rangeName === 'loopback' && policy.allowLoopback))
    return { allowed: true, address: plain }
  return refuse('address_not_public', `${plain} is not public (${rangeName}).`)
}

/** Where ipaddr.js has the number of a document for a name. */
const rangeNames: Readonly<Record<string, string>> = {
  rfc6052: 'NAT64',
  rfc6145: 'translated IPv4',
  carrierGradeNat: 'carrier-grade NAT'
}

/** What makes the address not public; undefined when it is. */
function rangeOf(address: Address): string | undefined {
  const range = address.range()
  if (range !== 'unicast') return rangeNames[range] ?? range.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  if (address.toString() === AZURE_PLATFORM) return 'cloud platform'
  if (address instanceof ipaddr.IPv4) return undefined
  if (address.zoneId !== undefined) return 'zoned'
  return address.match(GLOBAL_UNICAST) ? undefined : 'not global unicast'
}

/** The connection was not opened. The message is the refusal's reason. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
  readonly code = 'ERR_ADDRESS_REFUSED'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.reason)
    this.refusal = refusal
  }
}

export type ConnectorOptions = Readonly<{ policy: AddressPolicy; resolve: Resolve; connectTimeoutMs: number }>

/**
 * Opens sockets for undici and judges every address right before it is connected to, so that a name cannot change its
 * meaning in between. Neither Node nor undici looks a literal up, so literals are judged here and names in the lookup.
 */
export function guardedConnector({ policy, resolve, connectTimeoutMs }: ConnectorOptions): buildConnector.connector {
  const open = buildConnector({ allowH2: false, timeout: connectTimeoutMs, lookup: guardedLookup(policy, resolve) })
  return (options, callback) => {
    const literal = judgeHost(options.hostname, policy)
    if (literal !== undefined && !literal.allowed) {
      queueMicrotask(() => callback(new AddressRefused(literal), null))
      return
    }
    open(literal === undefined ? options : { ...options, hostname: literal.address }, (...result) => {
      const [error, socket] = result
      if (error !== null) return callback(...result)
      // The last wall, should a later undici find another way past the lookup.
      const peer = socket.remoteAddress === undefined ? undefined : judgeAddress(socket.remoteAddress, policy)
      if (peer === undefined || peer.allowed) return callback(null, socket)
      socket.destroy()
      return callback(new AddressRefused(peer), null)
    })
  }
}

/** Gives Node only those of a name's addresses that are allowed; it then connects to these and asks nobody again. */
function guardedLookup(policy: AddressPolicy, resolve: Resolve): LookupFunction {
  const findAllowed = async (hostname: string) => {
    const addresses = await resolve(hostname)
    const allowed = addresses.filter(({ address }) => judgeAddress(address, policy).allowed)
    const [first] = allowed
    if (first !== undefined) return { first, allowed }
    throw new AddressRefused(refuse('address_not_public', `${hostname} leads to no public address.`))
  }
  return (hostname, options, callback) => {
    findAllowed(hostname).then(
      ({ first, allowed }) => (options.all === true ? callback(null, allowed) : callback(null, first.address, first.family)),
      (error: Error) => callback(error, '')
    )
  }
}
