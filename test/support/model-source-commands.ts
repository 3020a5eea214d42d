import fc from 'fast-check'
import { expect } from 'vitest'
import { done } from './dunning.ts'
import { balanceOf, newPayment } from './model-claims.ts'
import { amountOf, attempt, command, dayAfter, hasOpen, minor, minorOf, n, nowOf, openOf, pick } from './model-command.ts'
import { writtenOff } from './model-money-commands.ts'

// Money of others, and what sources say of it.

/** The parent of the client pays for it, which names what for. */
export const parentPays = fc.tuple(minor, n).map(([amountMinor, which]) =>
  command(
    `parent pays(${amountMinor}, ${which})`,
    async (books, world) => {
      const { id } = openOf(books, which)
      const open = balanceOf(books.find(id))
      const share = open < amountMinor ? open : amountMinor
      const receivedOn = dayAfter(await nowOf(world), 0)
      const body = { allocations: [{ invoice_id: id, amount: amountOf(share) }] }
      const paid = await world.ledger.pay(world.parentId, amountOf(amountMinor), body)
      const payment = newPayment({ id: paid, amountMinor, receivedOn, isParents: true })
      books.payments.push(payment)
      books.settle(payment, { id, minor: share })
    },
    hasOpen
  )
)

type Moved = Readonly<{ changes: { payment_id: string; invoice_id: string; amount: string }[] }>

/** What nobody named goes to what is oldest due; saying it again moves nothing. */
export const reallocate = fc.constant(
  command('reallocate()', async (books, { ledger, clientId }) => {
    // Which part gives back what is not said.
    if (books.invoices.some(({ parts }) => parts.length > 1)) return
    const send = () => done(ledger.call<Moved>('POST', `/v1/clients/${clientId}/reallocate`, { body: {} }))
    const { changes } = await send()
    books.reallocate(
      changes.map(({ payment_id: paymentId, invoice_id: invoiceId, amount }) => ({
        paymentId,
        invoiceId,
        minor: minorOf(amount)
      }))
    )
    expect([books.isMisapplied(), (await send()).changes]).toEqual([false, []])
  })
)

type Stated = Readonly<{ id: string; status: 'pending' | 'settled' | 'failed' | 'reversed'; received_on: string | null }>
const statuses = fc.constantFrom('settled' as const, 'settled' as const, 'pending' as const, 'failed' as const)

/** A source says what became of a payment, of a new one or of one that it told of before; it need not be true to what it said. */
export const state = fc.tuple(fc.option(n), minor, statuses).map(([which, wantedMinor, status]) =>
  command(`state(${which ?? 'new'}, ${wantedMinor}, ${status})`, async (books, world) => {
    const known = books.payments.filter(({ ref }) => ref !== null)
    const before = which === null || known.length === 0 ? undefined : pick(known, which)
    const last = known.findLast(({ ref }) => ref === before?.ref)
    const ref = last?.ref ?? String(books.payments.length)
    const now = await nowOf(world)
    const amountMinor = last?.amountMinor ?? wantedMinor
    const body = {
      ...{ client_id: world.clientId, currency: 'EUR', amount: amountOf(amountMinor), status },
      ...(status === 'settled' && { received_on: dayAfter(now, 0) }),
      ...(status === 'pending' && { matures_on: dayAfter(now, 20) })
    }
    const path = `/v1/payments/by-ref?source=bank&id=${ref}`
    const stated = await attempt(world.ledger.call<Stated>('PUT', path, { body }))
    if (stated === null) return
    const receivedOn = stated.received_on ?? ''
    const givenUp = writtenOff(books)
    if (last !== undefined && stated.id !== last.id) {
      if (last.status === 'settled') books.reverse(last)
      else if (last.status === 'pending') last.status = 'failed'
    }
    const isNew = last === undefined || stated.id !== last.id
    const payment = isNew ? newPayment({ id: stated.id, amountMinor, receivedOn, ref }) : last
    if (isNew) books.payments.push(payment)
    if (stated.status === payment.status) return
    payment.receivedOn = receivedOn
    if (stated.status === 'settled') {
      books.settle(payment, null)
      // What was given up beside the money stays so where the money only came otherwise than it was said.
      for (const invoice of givenUp) if (invoice.status === 'paid') invoice.status = 'written_off'
    } else if (payment.status === 'settled') books.reverse(payment)
    else payment.status = stated.status
  })
)
