import { afterAll, expect, test } from 'vitest'
import type { InteractionDocument } from '../../../src/modules/interactions/schemas.ts'
import { openRows } from '../../contract/rows.ts'
import { refusalOf } from '../../support/app.ts'
import { done, type EntryBody, type Ledger, startDunning } from '../../support/dunning.ts'

const app = await startDunning()
const rows = await openRows(app.databaseUrl)
afterAll(async () => {
  await rows[Symbol.asyncDispose]()
  await app.close()
})

const NOBODY = '01900000-0000-7000-8000-000000000001'

type Explanation = { obligations: { entries: EntryBody[] }[] }

/** A ledger in which a sweep has entered a stage three days after the tenth of January. */
async function dunned(): Promise<{ ledger: Ledger; entry: EntryBody; clientId: string; invoiceId: string; contactId: string }> {
  const ledger = await app.newLedger()
  await ledger.usePolicy([{ code: 'reminder', offset_days: 3 }])
  const body = { name: 'Acme', contacts: [{ name: 'Ann', role: 'billing' }] }
  const client = await done(ledger.call<{ id: string; contacts: { id: string }[] }>('POST', '/v1/clients', { body }))
  const { id: invoiceId } = await ledger.issue(client.id, { issued_on: '2026-01-01', due_on: '2026-01-10' })
  await ledger.advance('2026-01-14T12:00:00Z')
  const [entry] = await ledger.entries(invoiceId)
  if (entry === undefined) throw new Error('The sweep has entered nothing.')
  return { ledger, entry, clientId: client.id, invoiceId, contactId: client.contacts[0]?.id ?? '' }
}

const report = ({ call }: Pick<Ledger, 'call'>, entryId: string, body: object) =>
  call<InteractionDocument>('POST', `/v1/dunning/entries/${entryId}/outcome`, { body })

test('an outcome becomes an interaction about the invoice of its entry, and is told as one', async () => {
  const { ledger, entry, clientId, invoiceId, contactId } = await dunned()
  const body = {
    outcome: 'sent',
    channel: 'e_mail',
    occurred_at: '2026-01-13T09:00:01Z',
    contact_id: contactId,
    note: 'By Mailer'
  }
  const made = await report(ledger, entry.id, body)
  expect(made).toMatchObject({
    status: 201,
    body: {
      ...{ client_id: clientId, invoice_ids: [invoiceId], kind: 'e_mail', direction: 'outbound', outcome: 'sent' },
      ...{ contact_id: contactId, occurred_at: '2026-01-13T09:00:01.000Z', summary: 'By Mailer', dunning_entry_id: entry.id },
      ...{ by: null, minutes: null, non_payment_reason: null, metadata: {} }
    }
  })
  expect((await ledger.call('GET', `/v1/interactions/${made.body.id}`)).body).toEqual(made.body)
  const events = await ledger.events('interaction.logged')
  expect(events.map(({ object }) => object)).toEqual([made.body])
})

test('what is sent, delivered and answered stands on the entry in the order in which it happened, wherever it is shown', async () => {
  const { ledger, entry, invoiceId } = await dunned()
  const entryNow = async () => done(ledger.call<EntryBody>('GET', `/v1/dunning/entries/${entry.id}`))
  expect(await entryNow()).toEqual(entry)
  expect(entry.outcomes).toEqual([])
  const delivered = { outcome: 'delivered', channel: 'sms', occurred_at: '2026-01-13T09:00:05.000Z' }
  const sent = { outcome: 'sent', channel: 'sms', occurred_at: '2026-01-13T09:00:01.000Z' }
  const answered = { outcome: 'answered', channel: 'call', occurred_at: '2026-01-14T12:00:00.000Z' }
  const reported: object[] = []
  for (const outcome of [delivered, sent, answered]) {
    const { id } = await done(report(ledger, entry.id, outcome))
    reported.push({ ...outcome, interaction_id: id })
  }
  const shown = await entryNow()
  expect(shown.outcomes).toEqual([reported[1], reported[0], reported[2]])
  expect(await ledger.entries(invoiceId)).toEqual([shown])
  const { obligations } = await done(ledger.call<Explanation>('GET', `/v1/invoices/${invoiceId}/dunning`))
  expect(obligations.map(({ entries }) => entries)).toEqual([[shown]])
})

test.for([
  ['e_mail', 'sent', 'e_mail', 'outbound'],
  ['sms', 'bounced', 'sms', 'outbound'],
  ['letter', 'delivered', 'letter', 'outbound'],
  ['call', 'suppressed', 'call', 'outbound'],
  ['e_mail', 'answered', 'e_mail', 'inbound'],
  ['other', 'sent', 'note', null],
  ['other', 'answered', 'note', null]
] as const)('by %s, %s: an interaction of the kind %s, %s', async ([channel, outcome, kind, direction]) => {
  const { ledger, entry } = await dunned()
  const made = await done(report(ledger, entry.id, { outcome, channel }))
  expect(made).toMatchObject({ kind, direction, outcome, occurred_at: '2026-01-14T12:00:00.000Z' })
  const { outcomes } = await done(ledger.call<EntryBody>('GET', `/v1/dunning/entries/${entry.id}`))
  expect(outcomes).toMatchObject([{ outcome, channel, interaction_id: made.id }])
})

test('a new outcome makes its entry one that has changed since', async () => {
  const { ledger, entry } = await dunned()
  await ledger.advance('2026-01-14T13:00:00Z')
  const changed = async () =>
    (await done(ledger.call<{ data: EntryBody[] }>('GET', '/v1/dunning/entries?updated_since=2026-01-14T13:00:00Z'))).data
  expect(await changed()).toEqual([])
  await done(report(ledger, entry.id, { outcome: 'sent', channel: 'letter' }))
  expect((await changed()).map(({ id }) => id)).toEqual([entry.id])
})

test('of a mistaken entry it is told as well: somebody got the message', async () => {
  const { ledger, entry, clientId, invoiceId } = await dunned()
  await ledger.pay(clientId, '100.00', { received_on: '2026-01-12' })
  const [mistaken] = await ledger.entries(invoiceId)
  expect(mistaken?.mistaken_at).not.toBeNull()
  expect((await report(ledger, entry.id, { outcome: 'delivered', channel: 'e_mail' })).status).toBe(201)
})

test('what is refused is refused by name and leaves nothing behind', async () => {
  const { ledger, entry } = await dunned()
  const { contactId: othersContact } = await dunned()
  const stranger = await app.newLedger()
  const [before, beside] = [await rows.of(ledger.id), await rows.of(stranger.id)]
  const sent = { outcome: 'sent', channel: 'e_mail' }
  const refusalFor = async (body: object, id = entry.id, who: Ledger = ledger) => refusalOf(await report(who, id, body))
  expect(await refusalFor(sent, NOBODY)).toBe('404 not_found')
  expect(await refusalFor(sent, entry.id, stranger)).toBe('404 not_found')
  expect(await refusalFor({ ...sent, contact_id: othersContact })).toBe('422 reference_not_found /contact_id')
  expect(await refusalFor({ ...sent, contact_id: NOBODY })).toBe('422 reference_not_found /contact_id')
  expect(await refusalFor({ ...sent, occurred_at: '2026-01-14T12:00:00.001Z' })).toBe('400 invalid_date /occurred_at')
  expect(await refusalFor({ ...sent, outcome: 'reached' })).toBe('400 invalid_request /outcome')
  expect(await refusalFor({ ...sent, channel: 'pigeon' })).toBe('400 invalid_request /channel')
  expect(await refusalFor({ channel: 'sms' })).toBe('400 invalid_request /outcome')
  expect(await rows.of(ledger.id)).toEqual(before)
  expect(await rows.of(stranger.id)).toEqual(beside)
  expect(refusalOf(await stranger.call('GET', `/v1/dunning/entries/${entry.id}`))).toBe('404 not_found')
})
