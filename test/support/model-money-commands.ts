import fc from 'fast-check'
import { done } from './dunning.ts'
import type { ModelBooks } from './model-books.ts'
import { balanceOf, newPayment } from './model-claims.ts'
import { amountOf, attempt, command, dayAfter, has, hasOpen, minor, n, nowOf, openOf, paymentOf, pick } from './model-command.ts'

// Claims and money: what the books of the model and of the service come to.

const starts = fc.constantFrom(undefined, undefined, undefined, 'normal', 'baseline', 'off')
/** Days until the first half of it falls due, and until the rest does. */
const schedule = fc.tuple(fc.integer({ min: -25, max: 40 }), fc.option(fc.integer({ min: 1, max: 40 }), { freq: 3 }))

export const issue = fc.tuple(minor, schedule, starts).map(([totalMinor, [days, more], start]) =>
  command(`issue(${totalMinor}, ${days}${more === null ? '' : ` and ${more}`}, ${start ?? 'as it is'})`, async (books, world) => {
    const now = await nowOf(world)
    const halfMinor = more === null || totalMinor === 1n ? totalMinor : totalMinor / 2n
    const first = { dueOn: dayAfter(now, days), minor: halfMinor }
    const rest = { dueOn: dayAfter(now, days + (more ?? 0)), minor: totalMinor - halfMinor }
    const parts = rest.minor === 0n ? [first] : [first, rest]
    const issuedOn = dayAfter(now, Math.min(days, 0))
    const ref = String(books.invoices.length)
    const number = `R-${ref.padStart(3, '0')}`
    const body = {
      ...{ number, issued_on: issuedOn, total: amountOf(totalMinor), external_refs: [{ source: 'books', id: ref }] },
      ...(parts.length === 1
        ? { due_on: first.dueOn }
        : { due_schedule: parts.map(({ dueOn, minor: each }) => ({ due_on: dueOn, amount: amountOf(each) })) }),
      ...(start !== undefined && { dunning_start: start })
    }
    const { id } = await world.ledger.issue(world.clientId, { ...body, ...(books.isLeaving && { for_commitment: true }) })
    books.issue({ id, ref, number, issuedOn, isDunned: start !== 'off' }, parts)
  })
)

const how = fc.oneof(
  { weight: 3, arbitrary: fc.constant('oldest' as const) },
  { weight: 1, arbitrary: fc.constant('reserved' as const) },
  { weight: 3, arbitrary: n }
)

export const pay = fc.tuple(minor, fc.nat({ max: 6 }), how).map(([amountMinor, back, which]) =>
  command(
    `pay(${amountMinor}, ${back} days ago, ${which})`,
    async (books, world) => {
      const receivedOn = dayAfter(await nowOf(world), -back)
      const invoice = typeof which === 'number' ? openOf(books, which) : null
      const share = invoice === null ? 0n : balanceOf(invoice) < amountMinor ? balanceOf(invoice) : amountMinor
      const allocations = invoice === null ? {} : { allocations: [{ invoice_id: invoice.id, amount: amountOf(share) }] }
      const isReserved = which === 'reserved'
      const body = { received_on: receivedOn, ...allocations, ...(isReserved && { reserved_for: 'deposit' }) }
      const id = await world.ledger.pay(world.clientId, amountOf(amountMinor), body)
      const payment = newPayment({ id, amountMinor, receivedOn, isReserved })
      books.payments.push(payment)
      books.settle(payment, invoice === null ? null : { id: invoice.id, minor: share })
    },
    (books) => typeof which !== 'number' || hasOpen(books)
  )
)

export const announce = fc.tuple(minor, fc.integer({ min: 1, max: 30 }), fc.option(n)).map(([amountMinor, days, which]) =>
  command(
    `announce(${amountMinor}, ${days}, ${which ?? 'oldest'})`,
    async (books, world) => {
      const invoice = which === null ? null : openOf(books, which)
      const share = invoice === null ? 0n : balanceOf(invoice) < amountMinor ? balanceOf(invoice) : amountMinor
      const named = invoice === null ? {} : { allocations: [{ invoice_id: invoice.id, amount: amountOf(share) }] }
      const body = { status: 'pending', matures_on: dayAfter(await nowOf(world), days), ...named }
      const id = await world.ledger.pay(world.clientId, amountOf(amountMinor), body)
      const announcedFor = invoice === null ? null : { id: invoice.id, minor: share }
      books.payments.push(newPayment({ id, amountMinor, receivedOn: '', announcedFor }))
    },
    (books) => which === null || hasOpen(books)
  )
)

export const settle = n.map((which) =>
  command(
    `settle(${which})`,
    async (books, world) => {
      const payment = paymentOf(books, 'pending', which)
      payment.receivedOn = dayAfter(await nowOf(world), 0)
      await done(world.ledger.call('POST', `/v1/payments/${payment.id}/settle`, { body: {} }))
      books.settle(payment, null)
    },
    has('pending')
  )
)

export const fail = n.map((which) =>
  command(
    `fail(${which})`,
    async (books, { ledger }) => {
      const payment = paymentOf(books, 'pending', which)
      await done(ledger.call('POST', `/v1/payments/${payment.id}/fail`, { body: {} }))
      payment.status = 'failed'
    },
    has('pending')
  )
)

export const reverse = fc.tuple(n, fc.constantFrom('bounced', 'charged_back', 'entered_wrongly')).map(([which, reason]) =>
  command(
    `reverse(${which}, ${reason})`,
    async (books, { ledger }) => {
      const payment = paymentOf(books, 'settled', which)
      await ledger.reverse(payment.id, { reason })
      books.reverse(payment)
    },
    has('settled')
  )
)

export const close = fc.tuple(n, fc.constantFrom('void' as const, 'written_off' as const)).map(([which, status]) =>
  command(
    `${status}(${which})`,
    async (books, { ledger }) => {
      const { id } = openOf(books, which)
      const path = status === 'void' ? 'void' : 'write-off'
      if ((await attempt(ledger.call('POST', `/v1/invoices/${id}/${path}`, { body: {} }))) !== null) books.close(id, status)
    },
    hasOpen
  )
)

/** Takes an invoice back for another one, to which everything moves that hung on it. */
export const replace = fc.tuple(n, n).map(([which, by]) =>
  command(
    `replace(${which} by ${by})`,
    async (books, world) => {
      const [{ id }, other] = [openOf(books, which), pick(books.invoices, by)]
      const body = { replaced_by_id: other.id }
      const voided = await attempt(world.ledger.call('POST', `/v1/invoices/${id}/void`, { body }))
      if (voided !== null) books.replace(id, other.id, await nowOf(world))
    },
    hasOpen
  )
)

export const reschedule = fc.tuple(n, fc.integer({ min: -10, max: 40 })).map(([which, days]) =>
  command(
    `reschedule(${which}, ${days})`,
    async (books, world) => {
      const invoice = openOf(books, which)
      const dueOn = dayAfter(await nowOf(world), days)
      const body = { due_on: dueOn }
      const moved = await attempt(world.ledger.call('POST', `/v1/invoices/${invoice.id}/reschedule`, { body }))
      if (moved !== null) books.reschedule(invoice.id, dueOn)
    },
    hasOpen
  )
)

/** What its source says of the total now. Less than was credited of it is refused, and less than was paid gives credit. */
export const correct = fc.tuple(n, minor).map(([which, totalMinor]) =>
  command(
    `correct(${which}, ${totalMinor})`,
    async (books, { ledger }) => {
      const { id, ref } = pick(books.invoices, which)
      if (books.isAmbiguous(id)) return
      const path = `/v1/invoices/by-ref?source=books&id=${ref}`
      const corrected = await attempt(ledger.call('PUT', path, { body: { total: amountOf(totalMinor) } }))
      if (corrected !== null) books.correct(id, totalMinor)
    },
    ({ invoices }) => invoices.length > 0
  )
)

/** Several things that a source says at once of an invoice, some of which it said before. */
export const describe = fc
  .tuple(n, fc.record({ number: fc.constantFrom('A', 'B'), due: fc.nat({ max: 30 }) }, { requiredKeys: [] }))
  .map(([which, { number, due }]) =>
    command(
      `describe(${which}, ${number ?? 'no number'}, ${due ?? 'no day'})`,
      async (books, world) => {
        const { id, ref } = openOf(books, which)
        const dueOn = due === undefined ? undefined : dayAfter(await nowOf(world), due)
        const body = {
          ...(number !== undefined && { number, metadata: { number } }),
          ...(dueOn !== undefined && { due_on: dueOn })
        }
        const path = `/v1/invoices/by-ref?source=books&id=${ref}`
        const described = await attempt(world.ledger.call('PUT', path, { body }))
        if (described !== null && dueOn !== undefined) books.reschedule(id, dueOn)
        if (described !== null && number !== undefined) books.find(id).number = number
      },
      hasOpen
    )
  )

/** Sets what is left of a payment against an invoice, or what is oldest due, by hand. */
export const spend = fc.tuple(n, fc.option(n), minor).map(([which, about, wantedMinor]) =>
  command(
    `spend(${which}, ${about ?? 'oldest'}, ${wantedMinor})`,
    async (books, world) => {
      const payment = paymentOf(books, 'settled', which)
      const named = about === null || !hasOpen(books) ? null : { id: openOf(books, about).id, minor: wantedMinor }
      const allocations = named === null ? {} : { allocations: [{ invoice_id: named.id, amount: amountOf(named.minor) }] }
      const path = `/v1/payments/${payment.id}/allocations`
      const spent = await attempt(world.ledger.call('POST', path, { body: allocations }))
      if (spent !== null) books.spend(payment, named, dayAfter(await nowOf(world), 0))
    },
    has('settled')
  )
)

export const writtenOff = ({ invoices }: ModelBooks) => invoices.filter(({ status }) => status === 'written_off')
const recoverable = (books: ModelBooks) => writtenOff(books).filter(({ parts }) => parts.length === 1)

/** Money for what was written off, which names it. */
export const recover = fc.tuple(n, minor).map(([which, wantedMinor]) =>
  command(
    `recover(${which}, ${wantedMinor})`,
    async (books, world) => {
      const invoice = pick(recoverable(books), which)
      const amountMinor = wantedMinor < invoice.givenUpMinor ? wantedMinor : invoice.givenUpMinor
      const receivedOn = dayAfter(await nowOf(world), 0)
      const allocations = [{ invoice_id: invoice.id, amount: amountOf(amountMinor) }]
      const id = await world.ledger.pay(world.clientId, amountOf(amountMinor), { allocations })
      const payment = newPayment({ id, amountMinor, receivedOn, status: 'settled', unappliedMinor: amountMinor })
      books.payments.push(payment)
      books.recover(payment, { id: invoice.id, minor: amountMinor })
    },
    (books) => recoverable(books).length > 0
  )
)
