import fc from 'fast-check'
import { done } from './dunning.ts'
import { balanceOf } from './model-claims.ts'
import { amountOf, attempt, command, dayAfter, hasOpen, minor, minorOf, n, nowOf, openOf, pick } from './model-command.ts'

// What is agreed or contested. Of these only a dispute that is found right moves money.

export const dispute = fc.tuple(n, fc.option(minor)).map(([which, part]) =>
  command(
    `dispute(${which}, ${part ?? 'all'})`,
    async (books, { ledger, made }) => {
      const { id } = openOf(books, which)
      const body = { invoice_id: id, reason: 'quality', ...(part !== null && { amount: amountOf(part) }) }
      const found = await attempt(ledger.call<{ id: string }>('POST', '/v1/disputes', { body }))
      if (found !== null) made.dispute.push(found.id)
    },
    hasOpen
  )
)

type Dispute = Readonly<{ invoice_id: string; amount: string; status: string }>

/** A credit note takes from what is claimed, and gives back what was paid beyond it. */
export const resolve = fc
  .tuple(n, fc.constantFrom('upheld', 'partly_upheld', 'rejected', 'withdraw'), fc.integer({ min: 1, max: 99 }))
  .map(([which, outcome, percent]) =>
    command(`resolve(${which}, ${outcome}, ${percent} %)`, async (books, { ledger, made }) => {
      if (made.dispute.length === 0) return
      const path = `/v1/disputes/${pick(made.dispute, which)}`
      const { invoice_id: invoiceId, amount } = await done(ledger.call<Dispute>('GET', path))
      if (books.isAmbiguous(invoiceId)) return
      const claimedMinor = balanceOf(books.find(invoiceId)) + books.settledOf(invoiceId)
      const wantedMinor = outcome === 'upheld' ? minorOf(amount) : (minorOf(amount) * BigInt(percent)) / 100n
      const creditMinor = wantedMinor < claimedMinor ? wantedMinor : claimedMinor
      const credit = outcome === 'partly_upheld' ? { credit: amountOf(wantedMinor) } : {}
      const [action, body] = outcome === 'withdraw' ? ['withdraw', {}] : ['resolve', { outcome, at_fault: 'ours', ...credit }]
      const ended = await attempt(ledger.call<Dispute>('POST', `${path}/${action}`, { body }))
      if (ended?.status === 'upheld' || ended?.status === 'partly_upheld') books.credit(invoiceId, creditMinor)
    })
  )

export const hold = fc
  .tuple(fc.option(n), fc.option(fc.integer({ min: 0, max: 30 })), fc.constantFrom('by_age', 'shift'))
  .map(([which, days, resume]) =>
    command(
      `hold(${which ?? 'client'}, ${days ?? 'no end'}, ${resume})`,
      async (books, world) => {
        const until = days === null ? {} : { until_on: dayAfter(await nowOf(world), days) }
        const about = which === null ? {} : { invoice_ids: [openOf(books, which).id] }
        const body = { client_id: world.clientId, reason: 'manual', resume, ...until, ...about }
        const found = await attempt(world.ledger.call<{ id: string }>('POST', '/v1/holds', { body }))
        if (found !== null) world.made.hold.push(found.id)
      },
      (books) => which === null || hasOpen(books)
    )
  )

export const promise = fc
  .tuple(n, minor, fc.integer({ min: 0, max: 20 }), fc.boolean())
  .map(([which, amountMinor, days, restores]) =>
    command(
      `promise(${which}, ${amountMinor}, ${days}${restores ? ', restores' : ''})`,
      async (books, world) => {
        const invoice = openOf(books, which)
        const promised = amountMinor < balanceOf(invoice) ? amountMinor : balanceOf(invoice)
        const body = {
          ...{ client_id: world.clientId, invoice_ids: [invoice.id], currency: 'EUR', amount: amountOf(promised) },
          promised_on: dayAfter(await nowOf(world), days),
          restores_service: restores
        }
        const found = await attempt(world.ledger.call<{ id: string }>('POST', '/v1/promises', { body }))
        if (found !== null) world.made.promise.push(found.id)
      },
      hasOpen
    )
  )

const answers = fc.constantFrom('accept', 'accept', 'reject', 'nothing')
const terms = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('weekly', 'monthly'))

/** Over one open invoice, or two. */
export const plan = fc
  .tuple(n, fc.option(n), terms, answers, fc.boolean())
  .map(([which, also, [count, every], answer, restores]) =>
    command(
      `plan(${which}, ${also ?? 'alone'}, ${count}, ${every}: ${answer}${restores ? ', restores' : ''})`,
      async (books, world) => {
        const ids = new Set([openOf(books, which).id, ...(also === null ? [] : [openOf(books, also).id])])
        const schedule = { kind: 'equal', count, every, first_on: dayAfter(await nowOf(world), 5) }
        const body = { client_id: world.clientId, invoice_ids: [...ids], schedule, restores_service: restores }
        const found = await attempt(world.ledger.call<{ id: string }>('POST', '/v1/payment-plans', { body }))
        if (found === null) return
        world.made.plan.push(found.id)
        if (answer !== 'nothing')
          await attempt(world.ledger.call('POST', `/v1/payment-plans/${found.id}/${answer}`, { body: said[answer] }))
      },
      hasOpen
    )
  )
const said: Readonly<Record<string, object>> = { accept: { accepted_by: 'Ada' }, reject: {} }

/** Another plan in place of one, or an answer to a proposal. */
export const renegotiate = fc.tuple(n, terms, answers).map(([which, [count, every], answer]) =>
  command(`renegotiate(${which}, ${count}, ${every}: ${answer})`, async (_, world) => {
    if (world.made.plan.length === 0) return
    const path = `/v1/payment-plans/${pick(world.made.plan, which)}`
    const schedule = { kind: 'equal', count, every, first_on: dayAfter(await nowOf(world), 3) }
    const found = await attempt(world.ledger.call<{ id: string }>('POST', `${path}/renegotiate`, { body: { schedule } }))
    if (found !== null) world.made.plan.push(found.id)
    const answered = found === null ? path : `/v1/payment-plans/${found.id}`
    if (answer !== 'nothing') await attempt(world.ledger.call('POST', `${answered}/${answer}`, { body: said[answer] }))
  })
)

const ends = { hold: ['holds', 'release'], promise: ['promises', 'cancel'], plan: ['payment-plans', 'cancel'] } as const

export const end = fc.tuple(fc.constantFrom('hold' as const, 'promise' as const, 'plan' as const), n).map(([kind, which]) =>
  command(`end ${kind}(${which})`, async (_, { ledger, made }) => {
    const [path, action] = ends[kind]
    if (made[kind].length > 0)
      await attempt(ledger.call('POST', `/v1/${path}/${pick(made[kind], which)}/${action}`, { body: {} }))
  })
)
