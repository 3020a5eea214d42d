import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Process } from '../../src/main.ts'
import { begin } from '../support/processes.ts'
import { keepLedger, openShop, startProcess, until, workerSettings } from '../support/webhooks.ts'

type Sent = Readonly<{ name: string; traceId: string; spanId: string; parentSpanId?: string; attributes: readonly Attribute[] }>
type Attribute = Readonly<{ key: string; value: { stringValue?: string; intValue?: number } }>
type Export = { resourceSpans: { scopeSpans: { spans: Sent[] }[] }[] }

/** A collector that keeps what it is sent. */
async function collect() {
  const spans: Sent[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Export
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { spans, url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
const shop = await openShop({ roles: 'api' })
const collector = await collect()
let running: Process
beforeAll(async () => {
  running = await startProcess(shop.url, { roles: 'all', env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
})
afterAll(async () => {
  await collector.close()
  await shop[Symbol.asyncDispose]()
})

const headers = { authorization: `Bearer ${shop.key}`, 'content-type': 'application/json' }
const createClient = (url: string, more: Record<string, string> = {}) =>
  fetch(`${url}/v1/clients`, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify({ name: 'Secret Ltd' }) })

describe('a process with a collector', () => {
  it('traces a request with its statements and the webhook that it led to as one trace, and sends the rest when it stops', async () => {
    const ledger = await keepLedger()
    ledger.trust((await shop.subscribe(ledger.url)).secret)
    const more = { traceparent: `00-${TRACE}-${CALLER}-01` }
    expect((await createClient(running.url ?? '', more)).status).toBe(201)
    expect((await fetch(`${running.url}/v1/clients?external_ref=Secret`, { headers })).status).toBe(400)
    expect((await fetch(`${running.url}/readyz`)).status).toBe(200)
    await until('it arrived', () => ledger.received.some(({ request }) => String(request.headers['traceparent']).includes(TRACE)))
    const stoppedAt = performance.now()
    await running.stop()
    expect(performance.now() - stoppedAt).toBeLessThan(5_000)
    const own = collector.spans.filter(({ traceId }) => traceId === TRACE)
    const request = own.find(({ name }) => name === 'POST /v1/clients')
    expect(request).toMatchObject({ parentSpanId: CALLER })
    const statements = own.filter(({ attributes }) => attributes.some(({ key }) => key === 'db.query.text'))
    expect(statements.map(({ name }) => name)).toEqual(expect.arrayContaining(['transaction.commit', 'events.insert_one']))
    expect(new Set(statements.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([request?.spanId]))
    const webhook = own.find(({ name }) => name === 'webhook')
    expect(webhook?.parentSpanId).toBe(request?.spanId)
    const received = ledger.received.find(({ request: { headers: sent } }) => String(sent['traceparent']).includes(TRACE))
    expect(received?.request.headers['traceparent']).toBe(`00-${TRACE}-${webhook?.spanId}-01`)
    expect(collector.spans.map(({ name }) => name)).toContain('GET /v1/clients')
    expect(collector.spans.map(({ name }) => name)).not.toContain('GET /readyz')
    expect(JSON.stringify(collector.spans)).not.toContain('Secret')
    await ledger[Symbol.asyncDispose]()
  })

  it('traces what a sweep does, and the events that it records are of that trace', async () => {
    await sweepOnce()
    const [event] = await shop.sql<{ traceparent: string | null }>(
      `select traceparent from events where type = 'invoice.overdue' order by id desc limit 1`
    )
    const sweeps = collector.spans
      .filter(({ name }) => name === 'sweep')
      .map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)
    expect(sweeps).toContain(event?.traceparent)
  })
})

/** Something is overdue, and a sweep finds it. */
async function sweepOnce(): Promise<void> {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, DUNWELL_SWEEP_CRON: '* * * * * *' }
  const other = await startProcess(shop.url, { roles: 'worker', env })
  const { body } = await shop.api('POST', '/clients', { name: 'Late Ltd' })
  const invoice = {
    client_id: body['id'],
    number: '1',
    currency: 'EUR',
    total: '10.00',
    issued_on: '2026-01-01',
    due_on: '2026-01-02'
  }
  expect((await shop.api('POST', '/invoices', { ...invoice, dunning_start: 'normal' })).status).toBe(201)
  await until('it is overdue', async () => {
    return (await shop.sql(`select from events where type = 'invoice.overdue'`)).length > 0
  })
  await other.stop()
}

it('a collector that cannot be reached fails no request and keeps the process from ending for no more than seconds', async () => {
  const away = await startProcess(shop.url, { roles: 'all', env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } })
  for (let n = 0; n < 20; n++) expect((await createClient(away.url ?? '')).status).toBe(201)
  const stoppedAt = performance.now()
  await away.stop()
  expect(performance.now() - stoppedAt).toBeLessThan(6_000)
})

it('a process without a collector loads nothing of OpenTelemetry but its interface, which the metrics have loaded before', async () => {
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => { if (/@opentelemetry.(?!api.)/.test(url)) console.log('LOADED ' + url); return next(url, context) } })`
  const command = `exec ${process.execPath} --import 'data:text/javascript,${encodeURIComponent(hooks).replaceAll("'", '%27')}' src/cli.ts serve`
  const env = { ...workerSettings, LOG_LEVEL: 'info', DATABASE_URL: shop.url }
  const started = async (more: Record<string, string>) => {
    const child = begin(command, { ...env, ...more })
    const [, url = ''] = await child.waitFor(/"url":"(http[^"]+)","msg":"ready"/)
    expect((await createClient(url)).status).toBe(201)
    expect(await child.stop()).toBe(0)
    return child.output().includes('LOADED')
  }
  expect(await started({})).toBe(false)
  expect(await started({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })).toBe(true)
}, 120_000)
