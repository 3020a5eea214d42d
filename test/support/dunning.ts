import { createSweepJob, type SweepJob } from '../../src/jobs/dunning-sweep.ts'
import { createTestClockJob, type TestClockJob } from '../../src/jobs/test-clock.ts'
import { type Answer, type AppOptions, type Call, startApp, type Tenant, type TenantOptions, type TestApp } from './app.ts'

export type InvoiceBody = Readonly<{
  id: string
  client_id: string
  number: string
  balance: string
  status: string
  is_overdue: boolean
  days_overdue: number
  version: number
  dunning: Readonly<{
    policy_id: string | null
    policy_version: number | null
    stage: string | null
    entered_at: string | null
    next_stage: string | null
    next_at: string | null
    held: boolean
    cycle: number
  }>
}>

export type EntryBody = Readonly<{
  id: string
  invoice_id: string
  obligation_id: string
  client_id: string
  kind: string
  stage: string
  repetition: number
  skipped: string[]
  entered_at: string
  entered_on: string
  due_on: string
  days_overdue: number
  balance: string
  cycle: number
  policy: { id: string; version: number }
  mistaken_at: string | null
  mistaken_reason: string | null
  outcomes: { outcome: string; channel: string; occurred_at: string; interaction_id: string }[]
}>

export type EventRow = Readonly<{
  type: string
  object: Record<string, unknown> & { id: string; version: number }
  previous: Record<string, unknown> | null
  context: Record<string, unknown>
  occurredAt: string
}>

/** A stage as a test names it; friendly unless said. */
export type StageBody = Readonly<{
  code: string
  offset_days: number
  tone?: string
  grace_days?: number
  repeat_every_days?: number
  action?: string
  audience?: readonly string[]
}>

/** One organization, driven by the test instead of by time. */
export type Ledger = Tenant &
  Readonly<{
    /** Lets the test clock run to an instant, or for so many days, to its end. */
    advance: (to: string | number) => Promise<void>
    addClient: (body?: object) => Promise<string>
    /** Many, a few at a time: a crowd would wait for connections until it is refused. */
    addClients: (count: number) => Promise<string[]>
    /** 100.00 EUR unless said. */
    issue: (clientId: string, body: object) => Promise<InvoiceBody>
    /** Settled and received today unless said. */
    pay: (clientId: string, amount: string, body?: object) => Promise<string>
    reverse: (paymentId: string, body: object) => Promise<void>
    invoice: (id: string) => Promise<InvoiceBody>
    /** Live and mistaken entries of an invoice, or of the organization, oldest first. */
    entries: (invoiceId?: string) => Promise<EntryBody[]>
    /** Entries as lines: `reminder 2026-01-05`, with a mark where mistaken. */
    ladder: (invoiceId: string) => Promise<string[]>
    /** Every event of the organization, or those of the types, in the order in which they were recorded. */
    events: (...types: string[]) => Promise<EventRow[]>
    /** The same as lines: `2026-01-05 invoice.overdue`. */
    told: (...types: string[]) => Promise<string[]>
    /** Makes a policy the organization's default. Jump, without spacing, open every day, from 00:00, unless said. */
    usePolicy: (stages: readonly StageBody[], body?: object) => Promise<string>
  }>

/** The service with its sweep and its test clocks. */
export type DunningApp = TestApp &
  Readonly<{ sweepJob: SweepJob; clockJob: TestClockJob; newLedger: (options?: TenantOptions) => Promise<Ledger> }>

export async function startDunning(options: AppOptions = {}): Promise<DunningApp> {
  const app = await startApp(options)
  const { services, database, clock } = app
  const log = { info: () => {}, warn: () => {}, error: failed }
  const sweepJob = createSweepJob({ services, database, clock, log })
  const clockJob = createTestClockJob({ services, database, log })
  const newLedger = async (more: TenantOptions = {}) =>
    ledgerOf(await app.addOrganization({ clockAt: '2026-01-01T00:00:00Z', ...more }), { app, clockJob })
  return { ...app, sweepJob, clockJob, newLedger }
}

const AT_A_TIME = 8

function ledgerOf(tenant: Tenant, { app, clockJob }: { app: TestApp; clockJob: TestClockJob }): Ledger {
  const { call } = tenant
  let numbers = 0
  const entries = async (invoiceId?: string) => (await allEntries(call, invoiceId)).reverse()
  const events = (...types: string[]) => eventsOf(tenant.id, app, types)
  const addClient = async (body: object = {}) =>
    (await done(call<{ id: string }>('POST', '/v1/clients', { body: { name: 'Client', ...body } }))).id
  return {
    ...tenant,
    entries,
    events,
    told: async (...types) => (await events(...types)).map(({ type, occurredAt }) => `${occurredAt.slice(0, 10)} ${type}`),
    advance: async (to) => {
      const body = typeof to === 'number' ? { days: to } : { to_at: to }
      await done(call('POST', '/v1/test-clock/advance', { body }))
      await clockJob.advanceAll()
      const { status } = await done(call<{ status: string }>('GET', '/v1/test-clock'))
      if (status !== 'still') throw new Error('The clock has not arrived.')
    },
    addClient,
    addClients: async (count) => {
      const ids: string[] = []
      while (ids.length < count) {
        const few = Math.min(AT_A_TIME, count - ids.length)
        ids.push(...(await Promise.all(Array.from({ length: few }, (_, n) => addClient({ name: `Client ${ids.length + n}` })))))
      }
      return ids
    },
    issue: (clientId, body) => {
      numbers += 1
      const common = { client_id: clientId, number: `R-${numbers}`, currency: 'EUR', total: '100.00' }
      return done(call<InvoiceBody>('POST', '/v1/invoices', { body: { ...common, ...body } }))
    },
    pay: async (clientId, amount, body = {}) => {
      const payment = { client_id: clientId, currency: 'EUR', amount, ...body }
      return (await done(call<{ id: string }>('POST', '/v1/payments', { body: payment }))).id
    },
    reverse: async (paymentId, body) => {
      await done(call('POST', `/v1/payments/${paymentId}/reverse`, { body }))
    },
    invoice: (id) => done(call<InvoiceBody>('GET', `/v1/invoices/${id}`)),
    ladder: async (invoiceId) => (await entries(invoiceId)).map(lineOf),
    usePolicy: async (stages, body = {}) => {
      const { id } = await done(call<{ id: string }>('POST', '/v1/dunning-policies', { body: policyBody(stages, body) }))
      await done(call('PATCH', '/v1/organization', { body: { default_dunning_policy_id: id } }))
      return id
    }
  }
}

/** The body of an answer that is no refusal. */
export async function done<Body>(answer: Promise<Answer<Body>>): Promise<Body> {
  const { status, body } = await answer
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}

function lineOf({ stage, entered_on: enteredOn, repetition, kind, mistaken_at: mistakenAt }: EntryBody): string {
  return [
    ...[stage, enteredOn],
    ...(repetition > 1 ? [`repetition ${repetition}`] : []),
    ...(kind === 'baseline' ? ['baseline'] : []),
    ...(mistakenAt === null ? [] : ['mistaken'])
  ].join(' ')
}

export function policyBody(stages: readonly StageBody[], body: object = {}) {
  return {
    name: 'Test',
    min_days_between: 0,
    business_days: false,
    send_at: '00:00',
    ...body,
    stages: stages.map((stage) => ({ tone: 'friendly', ...stage }))
  }
}

function failed(details: object, message: string): never {
  throw new Error(message, { cause: (details as { err?: unknown }).err })
}

async function allEntries(call: Call, invoiceId: string | undefined): Promise<EntryBody[]> {
  const found: EntryBody[] = []
  const filter = invoiceId === undefined ? '' : `&invoice_id=${invoiceId}`
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Answer<{ data: EntryBody[]; next_cursor: string | null }> = await call(
      'GET',
      `/v1/dunning/entries?limit=200${filter}${cursor === '' ? '' : `&cursor=${cursor}`}`
    )
    found.push(...page.body.data)
    cursor = page.body.next_cursor
  }
  return found
}

async function eventsOf(id: string, { services, database }: TestApp, types: readonly string[]): Promise<EventRow[]> {
  for (let more = true; more; ) more = (await database.scoped(id, (tx) => services.events.seal(tx))).more
  const wanted = types.length === 0 ? null : types
  const found: EventRow[] = []
  for (let afterSeq = 0n; ; ) {
    const filter = { afterSeq, limit: 1_000, types: wanted, objectId: null, clientId: null, from: null, to: null }
    const rows = await database.reading(id, (reader) => services.events.page(reader, filter))
    for (const { type, body, occurredAt } of rows) {
      const { data } = JSON.parse(body ?? '') as { data: Omit<EventRow, 'type' | 'occurredAt'> }
      found.push({ ...data, type, occurredAt: occurredAt.toISOString() })
    }
    const last = rows.at(-1)?.seq
    if (last === undefined || last === null) return found
    afterSeq = last
  }
}
