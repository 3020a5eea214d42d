import { afterAll, describe, expect, test } from 'vitest'
import { done, type Ledger, startDunning } from '../../support/dunning.ts'

const app = await startDunning()
afterAll(app.close)

/** The clock stands on Thursday, 1 January 2026; the default policy's stages are on the 12th, the 19th and the 26th. */
const due = { issued_on: '2026-01-01', due_on: '2026-01-15' }
const autopay = { ...due, collection_method: 'autopay' }

async function started(body: object = autopay) {
  const ledger = await app.newLedger()
  const clientId = await ledger.addClient()
  return { ledger, clientId, invoice: await ledger.issue(clientId, body) }
}

function announce({ ledger, clientId }: { ledger: Ledger; clientId: string }, body: object = {}) {
  return ledger.pay(clientId, '100.00', { status: 'pending', matures_on: '2026-01-15', ...body })
}

const fail = (ledger: Ledger, id: string) => done(ledger.call('POST', `/v1/payments/${id}/fail`, { body: {} }))

describe('nobody is reminded to pay what is collected, until its day has passed', () => {
  test('not before the due date, and by its age afterwards', async () => {
    const { ledger, invoice } = await started()
    expect(invoice.dunning).toMatchObject({ next_stage: 'reminder', next_at: '2026-01-19T09:00:00.000Z', held: false })
    await ledger.advance('2026-01-28T00:00:00Z')
    expect(await ledger.ladder(invoice.id)).toEqual(['reminder 2026-01-19', 'second 2026-01-26'])
    expect(await ledger.told('invoice.overdue')).toEqual(['2026-01-16 invoice.overdue'])
  })

  test('not while a collection is announced, and by its age at once when it fails', async () => {
    const { ledger, clientId, invoice } = await started()
    const payment = await announce({ ledger, clientId }, { matures_on: '2026-01-25' })
    await ledger.advance('2026-01-22T12:00:00Z')
    expect(await ledger.ladder(invoice.id)).toEqual([])
    await fail(ledger, payment)
    await ledger.advance(1)
    expect(await ledger.ladder(invoice.id)).toEqual(['reminder 2026-01-22'])
  })

  test('neither an invoice of the past that starts at the stage of its age', async () => {
    const { ledger, invoice } = await started({ ...autopay, due_on: '2026-01-03', dunning_start: 'baseline' })
    expect(await ledger.ladder(invoice.id)).toEqual([])
  })

  test('a dry run foresees no reminder, and explain names the rule', async () => {
    const { ledger, invoice } = await started()
    await ledger.advance('2026-01-12T12:00:00Z')
    const path = `/v1/invoices/${invoice.id}/dunning`
    const { obligations } = await done(ledger.call<{ obligations: { why: { rule: string; detail: string }[] }[] }>('GET', path))
    expect(obligations[0]?.why[0]).toMatchObject({
      rule: 'awaiting_collection',
      detail: 'It is collected by autopay, so no reminder is due through its due date, 2026-01-15.'
    })
    const foresee = (at: string) =>
      app.database.reading(ledger.id, (reader) => app.services.dunning.foresee(reader, new Date(at)))
    expect(await foresee('2026-01-15T23:59:00Z')).toEqual({ entered: 0, overdue: 0 })
  })

  test('a notice about other invoices leaves it out', async () => {
    const { ledger, clientId, invoice } = await started()
    const other = await ledger.issue(clientId, due)
    await ledger.advance('2026-01-20T00:00:00Z')
    const notices = await ledger.events('client.dunning_notice_due')
    const listed = notices.map(({ occurredAt, context }) => {
      const told = context['obligations'] as { invoice_id: string }[]
      return [occurredAt.slice(0, 10), ...told.map(({ invoice_id: id }) => id).sort()]
    })
    expect(listed).toEqual([
      ['2026-01-12', other.id],
      ['2026-01-19', ...[invoice.id, other.id].sort()]
    ])
  })
})

describe('a collection that failed before the due date lets the invoice be reminded by its age', () => {
  const afterThe14th = async (ledger: Ledger, invoiceId: string) => {
    await ledger.advance('2026-01-15T00:00:00Z')
    return ledger.ladder(invoiceId)
  }

  test.each([
    ['it is announced for what is oldest due', () => ({})],
    ['it names the invoice', (id: string) => ({ allocations: [{ invoice_id: id, amount: '100.00' }] })]
  ])('%s', async (_, body) => {
    const { ledger, clientId, invoice } = await started()
    const payment = await announce({ ledger, clientId }, body(invoice.id))
    await ledger.advance('2026-01-14T08:00:00Z')
    await fail(ledger, payment)
    expect((await ledger.invoice(invoice.id)).dunning).toMatchObject({
      next_stage: 'courtesy',
      next_at: '2026-01-14T09:00:00.000Z'
    })
    expect(await afterThe14th(ledger, invoice.id)).toEqual(['courtesy 2026-01-14'])
  })

  test('nobody confirmed it in time', async () => {
    const { ledger, clientId, invoice } = await started()
    await announce({ ledger, clientId }, { matures_on: '2026-01-05' })
    expect(await afterThe14th(ledger, invoice.id)).toEqual(['courtesy 2026-01-12'])
  })

  test('its source tells of it only once it has failed', async () => {
    const { ledger, clientId, invoice } = await started()
    await ledger.advance('2026-01-14T08:00:00Z')
    const body = {
      ...{ client_id: clientId, amount: '100.00', currency: 'EUR', status: 'failed' },
      allocations: [{ invoice_id: invoice.id, amount: '100.00' }]
    }
    await done(ledger.call('PUT', '/v1/payments/by-ref?source=bank&id=1', { body }))
    expect((await ledger.invoice(invoice.id)).dunning.next_stage).toBe('courtesy')
    expect(await afterThe14th(ledger, invoice.id)).toEqual(['courtesy 2026-01-14'])
  })

  test('it was collected and bounced', async () => {
    const { ledger, clientId, invoice } = await started()
    const payment = await ledger.pay(clientId, '100.00')
    await ledger.advance('2026-01-14T08:00:00Z')
    await ledger.reverse(payment, { reason: 'bounced' })
    expect(await afterThe14th(ledger, invoice.id)).toEqual(['courtesy 2026-01-14'])
  })

  test('but not a payment that was entered wrongly, nor one of another invoice', async () => {
    const { ledger, clientId, invoice } = await started()
    const other = await ledger.issue(clientId, autopay)
    const payment = await ledger.pay(clientId, '100.00', { allocations: [{ invoice_id: invoice.id, amount: '100.00' }] })
    await ledger.reverse(payment, { reason: 'entered_wrongly' })
    const by = { client_id: clientId, currency: 'EUR', status: 'pending', matures_on: '2026-01-14' }
    const put = (id: string, amount: string) => {
      const body = { ...by, amount, allocations: [{ invoice_id: id, amount }] }
      return done(ledger.call('PUT', '/v1/payments/by-ref?source=bank&id=2', { body }))
    }
    await put(invoice.id, '100.00')
    await put(other.id, '40.00')
    expect(await afterThe14th(ledger, invoice.id)).toEqual([])
    expect(await ledger.ladder(other.id)).toEqual([])
  })
})

test('a change of the collection method finds the next stage anew', async () => {
  const { ledger, invoice } = await started()
  const patch = (method: string) =>
    done(ledger.call('PATCH', `/v1/invoices/${invoice.id}`, { body: { collection_method: method } }))
  await patch('manual')
  expect((await ledger.invoice(invoice.id)).dunning).toMatchObject({
    next_stage: 'courtesy',
    next_at: '2026-01-12T09:00:00.000Z'
  })
  await patch('autopay')
  expect((await ledger.invoice(invoice.id)).dunning).toMatchObject({
    next_stage: 'reminder',
    next_at: '2026-01-19T09:00:00.000Z'
  })
})

test('what waits to be sent asks for nothing that is to be collected by now', async () => {
  const { ledger, invoice } = await started(due)
  await ledger.advance('2026-01-13T00:00:00Z')
  expect(await ledger.ladder(invoice.id)).toEqual(['courtesy 2026-01-12'])
  await app.database.scoped(ledger.id, (tx) => app.services.events.seal(tx))
  const types = ['invoice.dunning_stage_entered', 'client.dunning_notice_due']
  const filter = { afterSeq: 0n, limit: 100, types, objectId: null, clientId: null, from: null, to: null }
  const told = await app.database.reading(ledger.id, (reader) => app.services.events.page(reader, filter))
  const outdated = () =>
    app.database.reading(ledger.id, (reader) =>
      app.services.dunning.outdated(
        reader,
        told.map(({ id, type, body }) => ({ id, type, body: body ?? '', hasFailed: true }))
      )
    )
  expect((await outdated()).size).toBe(0)
  await done(ledger.call('PATCH', `/v1/invoices/${invoice.id}`, { body: { collection_method: 'autopay' } }))
  expect((await outdated()).size).toBe(2)
})
