import { readFile } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { type Process, start } from '../../src/main.ts'
import { openShop, until, workerSettings } from '../support/webhooks.ts'

const TOKEN = 'the-metrics-of-this-test'
const lines: Record<string, unknown>[] = []
const log = pino(
  { level: 'info' },
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
      done()
    }
  })
)

const shop = await openShop({ roles: 'none' })
let running: Process
beforeAll(async () => {
  const env = { ...workerSettings, LOG_LEVEL: 'info', DATABASE_URL: shop.url, DUNWELL_METRICS_TOKEN: TOKEN }
  running = await start({ config: loadConfig(env), log })
})
afterAll(async () => {
  await running.stop()
  await shop[Symbol.asyncDispose]()
})

const ask = (path: string, headers: Record<string, string> = {}) => fetch(`${running.url}${path}`, { headers })
const own = { authorization: `Bearer ${shop.key}` }
const metrics = async () => (await ask('/metrics', { authorization: `Bearer ${TOKEN}` })).text()

describe('the log', () => {
  const ofRequests = () => lines.filter(({ msg }) => msg === 'request')

  it('has one line for each request: route, organization, key, status and time, and nothing of its query', async () => {
    lines.length = 0
    await ask('/v1/clients?external_ref=somebody', own)
    await ask('/v1/clients/not-an-id', own)
    await ask('/v1/clients')
    await ask('/nowhere')
    await until('all are logged', () => ofRequests().length === 4)
    const [{ id: key } = { id: '' }] = await shop.sql<{ id: string }>('select id from api_keys where org_id = $1', shop.orgId)
    const known = { method: 'GET', organization: shop.orgId, key, reqId: expect.any(String) as string }
    const ms = expect.any(Number) as number
    expect(ofRequests()).toMatchObject([
      { ...known, route: '/v1/clients', status: 400, ms },
      { ...known, route: '/v1/clients/:id', status: 400, ms },
      { route: '/v1/clients', organization: null, key: null, status: 401, ms },
      { route: null, organization: null, key: null, status: 404, ms }
    ])
    expect(lines).toHaveLength(4)
    expect(JSON.stringify(lines)).not.toContain('somebody')
  })

  it('is silent about probes and the scraping of metrics', async () => {
    lines.length = 0
    for (const path of ['/livez', '/readyz', '/metrics']) await ask(path)
    await metrics()
    await ask('/nowhere')
    await until('the last is logged', () => ofRequests().length === 1)
    expect(ofRequests()).toMatchObject([{ route: null }])
  })
})

describe('metrics', () => {
  it('tell the release, what sweeps did and how late they are, and count events by type once they are committed', async () => {
    const body = JSON.stringify({ name: 'Example Ltd' })
    const init = { method: 'POST', headers: { ...own, 'content-type': 'application/json' }, body }
    expect((await fetch(`${running.url}/v1/clients`, init)).status).toBe(201)
    await until('a sweep is over', async () => /^dunwell_sweep_seconds_count 1$/m.test(await metrics()))
    const text = await metrics()
    expect(text).toMatch(/^dunwell_build_info\{version="\d+\.\d+\.\d+",node="v24[^"]*"\} 1$/m)
    expect(text).toMatch(/^dunwell_events_total\{type="client.created"\} 1$/m)
    expect(text).toMatch(/^dunwell_sweep_lag_seconds 0$/m)
    expect(text).toMatch(/^dunwell_sweep_results_total\{result="entered"\} 0$/m)
  })

  it('say how long the oldest thing due has waited', async () => {
    const headers = { ...own, 'content-type': 'application/json' }
    const post = async (path: string, body: object) =>
      (await (await fetch(`${running.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as {
        id: string
      }
    const { id } = await post('/v1/clients', { name: 'Example Ltd' })
    await post('/v1/invoices', { client_id: id, number: '1', currency: 'EUR', total: '10.00', issued_on: '2026-01-01' })
    await shop.sql(`update obligations set next_at = now() - interval '1 hour'`)
    const [, seconds] = /^dunwell_sweep_lag_seconds ([\d.]+)$/m.exec(await metrics()) ?? []
    expect(Number(seconds)).toBeGreaterThan(3_590)
    expect(Number(seconds)).toBeLessThan(3_700)
  })

  it('tell how the connections are used: in use, idle, waiting, and by whom, with no organization named', async () => {
    const figure = async (line: string) =>
      Number(new RegExp(`^${line.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(await metrics())?.[1])
    const { promise, resolve } = Promise.withResolvers<void>()
    const most = 7 // an organization that is alone leaves one of those that are shared
    const all = Array.from({ length: most + 3 }, () => running.database.reading(shop.orgId, () => promise))
    await until('they wait', async () => (await figure('dunwell_pool_share_waiting{holder="organizations"}')) === 3)
    expect(await figure('dunwell_pool_connections_max')).toBe(10)
    expect(await figure('dunwell_pool_share_connections{holder="organizations"}')).toBe(most)
    expect(await figure('dunwell_pool_largest_share_connections')).toBe(most)
    expect(await figure('dunwell_pool_connections{state="in_use"}')).toBeGreaterThanOrEqual(most)
    resolve()
    await Promise.all(all)
    await until('none waits', async () => (await figure('dunwell_pool_share_waiting{holder="organizations"}')) === 0)
    await until('all are idle', async () => (await figure('dunwell_pool_connections{state="idle"}')) >= most)
    expect(await figure('dunwell_pool_share_connections{holder="jobs"}')).toBeGreaterThanOrEqual(0)
    expect(await metrics()).not.toContain(shop.orgId)
  })

  it.each(['alerts.yaml', 'dashboard.json'])('that deploy/monitoring/%s names exist', async (name) => {
    const file = await readFile(new URL(`../../deploy/monitoring/${name}`, import.meta.url), 'utf8')
    const shown = [...(await metrics()).matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, metric = '', type]) =>
      type === 'histogram' ? ['', '_count', '_sum', '_bucket'].map((suffix) => metric + suffix) : [metric]
    )
    const named = new Set(file.match(/\b(dunwell|process|nodejs)_[a-z0-9_]+/g))
    expect([...named].filter((metric) => !shown.includes(metric))).toEqual([])
    expect(named.size).toBeGreaterThan(5)
  })
})
