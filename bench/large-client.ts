import { randomUUID } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Bench, BenchContext, Result } from './bench.ts'
import { loadLedger } from './ledger.ts'
import { loadPaidLedger } from './risk-ledger.ts'
import { execute, makeTenant, startService, subscribe } from './service.ts'
import { type SettlementBodies, settleByOneStatement } from './settlement-floor.ts'

const ON = '2026-03-10'
const AT = new Date(`${ON}T13:30:00Z`)
const RESOLUTION_MS = 1
const CHANGES = 30

/** P14 and P15: what one large client costs. */
export const bench: Bench = {
  ids: ['P14', 'P15 payment', 'P15 reversal'],
  run: async (context) => [await delays(context), ...(await settlements(context))]
}

type Send = <Answer>(method: string, path: string, body?: object) => Promise<Answer>

function sender(origin: string, key: string): Send {
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    const answer = await fetch(`${origin}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(`${method} ${path} gave ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as never
  }
}

/** Changes of all kinds about a client of many open invoices, and its score in between, in the process that answers. */
async function delays({ server, rounds, isQuick, progress }: BenchContext): Promise<Result> {
  const open = isQuick ? 5_000 : 100_000
  progress.step(`P14 loads ${open.toLocaleString('en')} open invoices of one client`)
  const { name, url } = await server.createDatabase()
  const service = await startService(url, { clock: { now: () => AT } })
  try {
    const { orgId, key } = await makeTenant(service)
    await loadPaidLedger(url, { orgId, on: ON, clients: 1, invoicesPerClient: open, openPerClient: open })
    await execute(url, 'vacuum (analyze)')
    const { database, services } = service
    const refresh = async () => {
      while ((await database.scoped(orgId, (tx) => services.events.seal(tx))).more);
      while (await database.scoped(orgId, (tx) => services.risk.refresh(tx)));
    }
    // No event tells of rows that no request made: another serious level counts everything anew.
    await database.scoped(orgId, (tx) =>
      services.risk.updateModel(tx, { change: { seriousDays: 20 }, expectedVersion: undefined })
    )
    await refresh()
    const [client] = await execute<{ id: string }>(url, 'select id from clients')
    const change = changing(sender(service.url, key), client?.id ?? '')
    const figure: number[] = []
    for (let round = 0; round <= rounds; round += 1) {
      const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      delay.enable()
      await change(round)
      await refresh()
      delay.disable()
      if (round > 0) figure.push(delay.percentile(99.9) / 1e9)
      progress.step(
        `P14 ${round === 0 ? 'warms up' : `round ${round} of ${rounds}`}: ${(delay.percentile(99.9) / 1e6).toFixed(1)} ms`
      )
    }
    return {
      id: 'P14',
      unit: 's',
      floor: null,
      figure,
      beside: 'issues, payments, a batch of 100, scores, and the following of them'
    }
  } finally {
    await service.stop()
    await server.drop(name)
  }
}

function changing(send: Send, clientId: string) {
  const invoice = (number: string, day: string) => ({
    ...{ client_id: clientId, number, currency: 'EUR', total: '100.00', issued_on: day, due_on: day }
  })
  return async (round: number) => {
    for (let n = 0; n < CHANGES; n += 1) {
      await send('POST', '/v1/invoices', invoice(`${round}-${n}`, n % 2 === 0 ? ON : '2025-12-01'))
      await send('POST', '/v1/payments', { client_id: clientId, currency: 'EUR', amount: '150.00' })
      if (n % 5 === 0) await send('GET', `/v1/clients/${clientId}/risk-score`)
    }
    const invoices = Array.from({ length: 100 }, (_, n) => invoice(`${round}-batch-${n}`, ON))
    await send('POST', '/v1/invoices/batch', { invoices })
  }
}

/** A loaded database that is never written to itself: every round works on a copy. */
type Loaded = Readonly<{
  name: string
  url: string
  orgId: string
  key: string
  clientId: string
  endpointId: string
  amount: string
}>
type Settled = Readonly<{ payment: number; reversal: number; bodies: SettlementBodies; counts: string }>

async function load({ server, isQuick, progress }: BenchContext): Promise<Loaded> {
  const invoicesPerClient = isQuick ? 1_000 : 20_000
  progress.step(`P15 loads ${invoicesPerClient.toLocaleString('en')} open invoices of one client`)
  const { name, url } = await server.createDatabase()
  const service = await startService(url, { clock: { now: () => AT } })
  const { orgId, key, policyId } = await makeTenant(service)
  const endpointId = await subscribe(url, orgId)
  await service.stop()
  await loadLedger(url, { orgId, policyId, clients: 1, dueClients: 0, invoicesPerClient, sweepOn: ON })
  const text =
    'select client_id as id, (sum(balance_minor) / 100.0)::numeric(20, 2)::text as amount from obligations group by client_id'
  const [row] = await execute<{ id: string; amount: string }>(url, text)
  if (row === undefined) throw new Error('The client owes nothing.')
  return { name, url, orgId, key, clientId: row.id, endpointId, amount: row.amount }
}

async function settlements(context: BenchContext): Promise<Result[]> {
  const { rounds, progress, server } = context
  const loaded = await load(context)
  const found = { payment: [[], []] as [number[], number[]], reversal: [[], []] as [number[], number[]] }
  const { bodies } = await settleOnce(context, loaded)
  for (let round = 1; round <= rounds; round += 1) {
    const floor = await floorOnce(context, loaded, bodies)
    const ours = await settleOnce(context, loaded)
    if (floor.counts !== ours.counts) throw new Error(`What was written does not match: ${floor.counts}, ${ours.counts}`)
    for (const which of ['payment', 'reversal'] as const) {
      found[which][0].push(floor[which])
      found[which][1].push(ours[which])
    }
    const [least, figure] = [floor, ours].map(({ payment, reversal }) => `${payment.toFixed(2)} and ${reversal.toFixed(2)} s`)
    progress.step(`P15 round ${round} of ${rounds}: floor ${least}, figure ${figure}`)
  }
  await server.drop(loaded.name)
  const result = (which: 'payment' | 'reversal') => ({ unit: 's', floor: found[which][0], figure: found[which][1] })
  return [
    { id: 'P15 payment', ...result('payment'), beside: 'one subscribed endpoint; at most 2 s on a machine that sustains it' },
    { id: 'P15 reversal', ...result('reversal') }
  ]
}

async function settleOnce({ server }: BenchContext, loaded: Loaded): Promise<Settled> {
  const { name, url } = await server.clone(loaded.name)
  await server.checkpoint()
  const service = await startService(url, { clock: { now: () => AT } })
  try {
    const send = sender(service.url, loaded.key)
    const { clientId: client_id, amount } = loaded
    let paid = { id: '' }
    const payment = await secondsOf(async () => {
      paid = await send<{ id: string }>('POST', '/v1/payments', { client_id, currency: 'EUR', amount })
    })
    const reversal = await secondsOf(() => send('POST', `/v1/payments/${paid.id}/reverse`, { reason: 'bounced' }))
    const bodyOf = async (type: string) => {
      const text =
        'select b.body from events e join event_bodies b on b.org_id = e.org_id and b.event_id = e.id where e.type = $1 limit 1'
      return (await execute<{ body: string }>(url, text, [type]))[0]?.body ?? ''
    }
    const bodies = { invoice: await bodyOf('invoice.paid'), payment: await bodyOf('payment.settled') }
    return { payment, reversal, bodies, counts: await countsIn(url) }
  } finally {
    await service.stop()
    await server.drop(name)
  }
}

async function floorOnce({ server }: BenchContext, loaded: Loaded, bodies: SettlementBodies): Promise<Omit<Settled, 'bodies'>> {
  const { name, url } = await server.clone(loaded.name)
  await server.checkpoint()
  const of = { ...loaded, at: AT, bodies }
  const payment = await secondsOf(() => settleByOneStatement(url, 'payment', of))
  const reversal = await secondsOf(() => settleByOneStatement(url, 'reversal', of))
  const counts = await countsIn(url)
  await server.drop(name)
  return { payment, reversal, counts }
}

async function countsIn(url: string): Promise<string> {
  const text = `select (select count(*) from events where type like 'invoice.%') || ' events, ' || (select count(*) from webhook_queue) || ' queued, '
    || (select count(*) from ledger_entries where obligation_id is not null) || ' entries' as counts`
  return (await execute<{ counts: string }>(url, text))[0]?.counts ?? ''
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1_000
}
