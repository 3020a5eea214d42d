import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressPolicy, judgeAddress, judgeUrl } from '../../../src/modules/webhooks/address-guard.ts'

const strict = addressPolicy()
const development = addressPolicy({ allowLoopback: true })
const outcome = (url: string, policy = strict) => {
  const verdict = judgeUrl(url, policy)
  return verdict.allowed ? 'allowed' : verdict.code
}

/** Each is, or leads to, something that is not on the public internet. */
const forbidden: readonly (readonly [string, string])[] = [
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'all of 127/8'],
  ['2130706433', 'loopback as one number'],
  ['0x7f.1', 'loopback in hexadecimal and short'],
  ['0x7f000001', 'loopback in hexadecimal'],
  ['0177.0.0.1', 'loopback in octal'],
  ['017700000001', 'loopback in octal as one number'],
  ['127.1', 'loopback in short'],
  ['127.0.0.1.', 'loopback with a trailing dot'],
  ['①②⑦.0.0.1', 'loopback in circled digits'],
  ['127。0。0。1', 'loopback with ideographic dots'],
  ['0.0.0.0', 'this host'],
  ['0', 'this host in short'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['169.254.169.254', 'metadata of most clouds'],
  ['0xa9fea9fe', 'metadata in hexadecimal'],
  ['2852039166', 'metadata as one number'],
  ['100.100.100.200', "Alibaba's metadata, in carrier-grade NAT"],
  ['192.0.0.192', "Oracle's metadata"],
  ['168.63.129.16', "Azure's platform"],
  ['100.64.0.1', 'carrier-grade NAT'],
  ['192.0.2.1', 'documentation'],
  ['198.18.0.1', 'benchmarking'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['192.88.99.1', '6to4 relay'],
  ['224.0.0.1', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['[::]', 'this host'],
  ['[::1]', 'loopback'],
  ['[0:0:0:0:0:0:0:1]', 'loopback in full'],
  ['[::ffff:127.0.0.1]', 'mapped loopback'],
  ['[::ffff:7f00:1]', 'mapped loopback in hexadecimal'],
  ['[::ffff:10.0.0.1]', 'mapped private'],
  ['[::ffff:a9fe:a9fe]', 'mapped metadata'],
  ['[::127.0.0.1]', 'compatible loopback, which ipaddr.js calls unicast once it is ::7f00:1'],
  ['[::ffff:0:127.0.0.1]', 'translated loopback'],
  ['[64:ff9b::127.0.0.1]', 'NAT64'],
  ['[64:ff9b::808:808]', 'NAT64 of a public address: what is behind it cannot be judged'],
  ['[64:ff9b:1::7f00:1]', 'local NAT64'],
  ['[2002:7f00:1::]', '6to4 of loopback'],
  ['[2002:a9fe:a9fe::]', '6to4 of metadata'],
  ['[2001:0:4136:e378:8000:63bf:3fff:fdd2]', 'Teredo'],
  ['[fc00::1]', 'unique local'],
  ['[fd00:ec2::254]', "Amazon's metadata"],
  ['[fe80::1]', 'link-local'],
  ['[fec0::1]', 'site-local'],
  ['[ff02::1]', 'multicast'],
  ['[2001:db8::1]', 'documentation'],
  ['[3fff::1]', 'documentation'],
  ['[100::1]', 'discard'],
  ['[5f00::1]', 'segment routing'],
  ['[4000::1]', 'not given out'],
  ['localhost', 'by name'],
  ['LOCALHOST', 'by name'],
  ['receiver.localhost', 'by name']
]

describe('an endpoint that points into the network of the service', () => {
  it.each(forbidden)('cannot be made at %s (%s)', (host) => {
    expect(outcome(`https://${host}/hook`)).toMatch(/^(address_not_public|host_not_allowed)$/)
  })

  it.each(forbidden.filter(([host]) => !/localhost|\.$|[^\x20-\x7e]/i.test(host)))(
    'is judged the same when %s comes from a resolver',
    (host) => {
      expect(judgeAddress(host.replace(/[[\]]/g, ''), strict)).toMatchObject({ allowed: false, code: 'address_not_public' })
    }
  )

  it('cannot hide behind a zone', () => {
    expect(judgeAddress('fe80::1%eth0', strict).allowed).toBe(false)
    expect(judgeAddress('2606:4700::1111%eth0', strict).allowed).toBe(false)
  })

  it('cannot be any IPv4 address inside an IPv6 one, unless that address itself is public', () => {
    fc.assert(
      fc.property(fc.ipV4(), (ip) => {
        const isPublic = judgeAddress(ip, strict).allowed
        expect(judgeAddress(`::ffff:${ip}`, strict).allowed).toBe(isPublic)
        for (const prefix of ['::ffff:0:', '64:ff9b::', '64:ff9b:1::'])
          expect(judgeAddress(`${prefix}${ip}`, strict).allowed).toBe(false)
        const [a = 0, b = 0, c = 0, d = 0] = ip.split('.').map(Number)
        const low = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
        expect(judgeAddress(`::${low}`, strict).allowed).toBe(false)
        expect(judgeAddress(`2002:${low}::`, strict).allowed).toBe(false)
      })
    )
  })

  it('is told why, in words for its owner', () => {
    expect(judgeUrl('https://169.254.169.254/latest', strict)).toEqual({
      allowed: false,
      code: 'address_not_public',
      reason: '169.254.169.254 is not public (link local).'
    })
  })
})

describe('an ordinary endpoint', () => {
  it.each([
    'https://receiver.example/hooks?tenant=7',
    'https://receiver.example:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://[::ffff:8.8.8.8]/',
    'https://bücher.example/ä'
  ])('at %s can be made', (url) => expect(outcome(url)).toBe('allowed'))

  it('comes back in the one spelling that is stored', () => {
    const verdict = judgeUrl('HTTPS://Bücher.EXAMPLE:443/a/../ä', strict)
    expect(verdict.allowed && verdict.url.href).toBe('https://xn--bcher-kva.example/%C3%A4')
  })
})

describe('a URL', () => {
  it.each([
    ['http://receiver.example/', 'scheme_not_allowed'],
    ['ftp://receiver.example/', 'scheme_not_allowed'],
    ['file:///etc/passwd', 'scheme_not_allowed'],
    ['javascript:alert(1)', 'scheme_not_allowed'],
    ['https://user@receiver.example/', 'credentials_in_url'],
    ['https://:pass@receiver.example/', 'credentials_in_url'],
    ['https://receiver.example/#part', 'fragment_in_url'],
    ['https://receiver.example/#', 'fragment_in_url'],
    ['https://receiver.example./', 'host_not_allowed'],
    ['https://localhost./', 'host_not_allowed'],
    ['https://receiver.example:22/', 'port_not_allowed'],
    ['https://receiver.example:80/', 'port_not_allowed'],
    ['https://receiver.example:0/', 'port_not_allowed'],
    ['receiver.example', 'invalid_url'],
    ['/hook', 'invalid_url'],
    ['', 'invalid_url'],
    ['https://', 'invalid_url'],
    ['https:\\\\receiver.example', 'invalid_url'],
    [' https://receiver.example/', 'invalid_url'],
    ['https://receiver.example/\nx', 'invalid_url'],
    ['https://1.2.3.4.5/', 'invalid_url'],
    ['https://[fe80::1%25eth0]/', 'invalid_url'],
    [`https://receiver.example/${'a'.repeat(2_048)}`, 'invalid_url'],
    [`https://receiver.example/${'é'.repeat(500)}`, 'invalid_url']
  ])('%s is refused as %s', (url, code) => expect(outcome(url)).toBe(code))

  it('that is allowed is allowed as it is kept', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 1_900, size: 'max' }), (path) => {
        const verdict = judgeUrl(`https://receiver.example/${path}`, strict)
        if (verdict.allowed) expect(judgeUrl(verdict.url.href, strict)).toMatchObject({ allowed: true })
      })
    )
  })

  it('of any shape gets a verdict and no exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.webUrl({ withFragments: true })), (url) => {
        expect(typeof judgeUrl(url, strict).allowed).toBe('boolean')
      })
    )
  })
})

describe('what an operator allows', () => {
  it('http, then on port 80 as well, and to the public only', () => {
    const policy = addressPolicy({ allowHttp: true })
    expect(outcome('http://receiver.example/', policy)).toBe('allowed')
    expect(outcome('http://receiver.example:8080/', policy)).toBe('port_not_allowed')
    expect(outcome('http://127.0.0.1/', policy)).toBe('address_not_public')
    expect(outcome('https://receiver.example:80/', policy)).toBe('port_not_allowed')
  })

  it('other ports', () => {
    expect(outcome('https://receiver.example:9443/', addressPolicy({ ports: [9_443] }))).toBe('allowed')
    expect(outcome('https://receiver.example/', addressPolicy({ ports: [9_443] }))).toBe('port_not_allowed')
  })

  it('ranges of its own network, and no address beside them', () => {
    const policy = addressPolicy({ allowedCidrs: ['10.20.0.0/16', 'fd12:3456::/32'] })
    expect(outcome('https://10.20.3.4/', policy)).toBe('allowed')
    expect(outcome('https://[::ffff:10.20.3.4]/', policy)).toBe('allowed')
    expect(outcome('https://10.21.0.1/', policy)).toBe('address_not_public')
    expect(outcome('https://[fd12:3456::1]/', policy)).toBe('allowed')
    expect(outcome('https://[fd12:3457::1]/', policy)).toBe('address_not_public')
  })

  it.each(['10.0.0.0', '10.0.0.0/33', 'intern', ''])('is checked at the start: %j is no range', (cidr) => {
    expect(() => addressPolicy({ allowedCidrs: [cidr] })).toThrow(RangeError)
  })
})

describe('development', () => {
  it.each([
    'http://127.0.0.1:4000/',
    'https://127.0.0.2:1/',
    'http://localhost:3000/',
    'http://[::1]:3000/',
    'http://0x7f.1:9/',
    'http://hook.localhost/'
  ])('reaches this machine at %s', (url) => expect(outcome(url, development)).toBe('allowed'))

  it.each([
    ['http://receiver.example/', 'scheme_not_allowed'],
    ['https://receiver.example:3000/', 'port_not_allowed'],
    ['http://10.0.0.1/', 'address_not_public'],
    ['http://169.254.169.254/', 'address_not_public'],
    ['http://0.0.0.0/', 'address_not_public'],
    ['http://localhost.evil.example/', 'scheme_not_allowed']
  ])('reaches nothing else: %s', (url, code) => expect(outcome(url, development)).toBe(code))
})
