import fc from 'fast-check'
import type { Answer } from './app.ts'
import { done, type Ledger } from './dunning.ts'
import type { ModelBooks, ModelPayment } from './model-books.ts'

/** What the commands run against, and what they have made there. */
export type World = Readonly<{ ledger: Ledger; clientId: string; made: Readonly<Record<Agreement, string[]>> }>
type Agreement = 'hold' | 'promise' | 'plan' | 'dispute'

type Command = fc.AsyncCommand<ModelBooks, World>
type Run = (books: ModelBooks, world: World) => Promise<unknown>

export const amountOf = (minor: bigint) => `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}`
const dayAfter = (now: string, days: number) => new Date(Date.parse(now) + days * 86_400_000).toISOString().slice(0, 10)

export async function nowOf({ ledger }: World): Promise<string> {
  return (await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))).now_at
}

/** A command that the service may refuse: then nothing is changed, which the books show in the end. Never an error of its own. */
async function attempt<Body>(answer: Promise<Answer<Body>>): Promise<Body | null> {
  const { status, body } = await answer
  if (status >= 500 || status === 404) throw new Error(`${status} ${JSON.stringify(body)}`)
  return status < 300 ? body : null
}

/** Each leaves a note of what is open from then on. */
function command(name: string, run: Run, isPossible: (books: ModelBooks) => boolean = () => true): Command {
  return {
    check: isPossible,
    toString: () => name,
    async run(books, world) {
      await run(books, world)
      books.note(await nowOf(world))
    }
  }
}

const hasOpen = ({ invoices }: ModelBooks) => invoices.some(({ status }) => status === 'open')
const has = (status: ModelPayment['status']) => (books: ModelBooks) => books.payments.some((one) => one.status === status)
const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T
const openOf = ({ invoices }: ModelBooks, n: number) =>
  pick(
    invoices.filter(({ status }) => status === 'open'),
    n
  )
const paymentOf = ({ payments }: ModelBooks, status: ModelPayment['status'], n: number) =>
  pick(
    payments.filter((one) => one.status === status),
    n
  )

const n = fc.nat({ max: 50 })
const minor = fc.integer({ min: 1, max: 60_000 }).map(BigInt)

const issue = fc.tuple(minor, fc.integer({ min: 0, max: 40 })).map(([totalMinor, days]) =>
  command(`issue(${totalMinor}, ${days})`, async (books, world) => {
    const now = await nowOf(world)
    const [issuedOn, dueOn] = [dayAfter(now, 0), dayAfter(now, days)]
    const body = { issued_on: issuedOn, due_on: dueOn, total: amountOf(totalMinor) }
    const { id } = await world.ledger.issue(world.clientId, body)
    books.issue({ id, dueOn, totalMinor })
  })
)

const pay = fc.tuple(minor, fc.nat({ max: 6 }), fc.option(n)).map(([amountMinor, back, named]) =>
  command(
    `pay(${amountMinor}, ${back} days ago, ${named === null ? 'oldest' : `invoice ${named}`})`,
    async (books, world) => {
      const receivedOn = dayAfter(await nowOf(world), -back)
      const invoice = named === null ? null : openOf(books, named)
      const share = invoice === null ? 0n : invoice.balanceMinor < amountMinor ? invoice.balanceMinor : amountMinor
      const allocations = invoice === null ? {} : { allocations: [{ invoice_id: invoice.id, amount: amountOf(share) }] }
      const id = await world.ledger.pay(world.clientId, amountOf(amountMinor), { received_on: receivedOn, ...allocations })
      const payment: ModelPayment = { id, amountMinor, receivedOn, unappliedMinor: 0n, status: 'pending', allocated: new Map() }
      books.payments.push(payment)
      books.settle(payment, invoice === null ? null : { id: invoice.id, minor: share })
    },
    (books) => named === null || hasOpen(books)
  )
)

const announce = fc.tuple(minor, fc.integer({ min: 1, max: 30 })).map(([amountMinor, days]) =>
  command(`announce(${amountMinor}, ${days})`, async (books, world) => {
    const body = { status: 'pending', matures_on: dayAfter(await nowOf(world), days) }
    const id = await world.ledger.pay(world.clientId, amountOf(amountMinor), body)
    books.payments.push({ id, amountMinor, receivedOn: '', unappliedMinor: 0n, status: 'pending', allocated: new Map() })
  })
)

const settle = n.map((which) =>
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

const fail = n.map((which) =>
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

const reverse = fc.tuple(n, fc.constantFrom('bounced', 'charged_back', 'entered_wrongly')).map(([which, reason]) =>
  command(
    `reverse(${which}, ${reason})`,
    async (books, { ledger }) => {
      const payment = paymentOf(books, 'settled', which)
      // What was written off is owed no more, and takes no money back: such a payment is refused or reopens nothing.
      if ([...payment.allocated.keys()].some((id) => books.find(id).status === 'written_off')) return
      await ledger.reverse(payment.id, { reason })
      books.reverse(payment)
    },
    has('settled')
  )
)

const close = fc.tuple(n, fc.constantFrom('void' as const, 'written_off' as const)).map(([which, how]) =>
  command(
    `${how}(${which})`,
    async (books, { ledger }) => {
      const { id } = openOf(books, which)
      const path = how === 'void' ? 'void' : 'write-off'
      if ((await attempt(ledger.call('POST', `/v1/invoices/${id}/${path}`, { body: {} }))) !== null) books.close(id, how)
    },
    hasOpen
  )
)

const dispute = fc.tuple(n, fc.option(minor)).map(([which, part]) =>
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

type Resolved = Readonly<{ invoice_id: string; amount: string; status: string }>

const resolve = fc.tuple(n, fc.constantFrom('upheld', 'rejected', 'withdraw')).map(([which, outcome]) =>
  command(`resolve(${which}, ${outcome})`, async (books, { ledger, made }) => {
    if (made.dispute.length === 0) return
    const path = `/v1/disputes/${pick(made.dispute, which)}`
    const { invoice_id: invoiceId, amount } = await done(ledger.call<Resolved>('GET', path))
    const disputedMinor = BigInt(amount.replace('.', ''))
    // More than is open frees money that was paid already, which the model leaves to tests of its own.
    if (outcome === 'upheld' && disputedMinor > books.find(invoiceId).balanceMinor) return
    const [action, body] = outcome === 'withdraw' ? ['withdraw', {}] : ['resolve', { outcome, at_fault: 'ours' }]
    const ended = await attempt(ledger.call<Resolved>('POST', `${path}/${action}`, { body }))
    if (ended?.status === 'upheld') books.credit(invoiceId, disputedMinor)
  })
)

const hold = fc
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

const promise = fc.tuple(n, minor, fc.integer({ min: 0, max: 20 })).map(([which, amountMinor, days]) =>
  command(
    `promise(${which}, ${amountMinor}, ${days})`,
    async (books, world) => {
      const invoice = openOf(books, which)
      const promised = amountMinor < invoice.balanceMinor ? amountMinor : invoice.balanceMinor
      const body = {
        ...{ client_id: world.clientId, invoice_ids: [invoice.id], currency: 'EUR', amount: amountOf(promised) },
        promised_on: dayAfter(await nowOf(world), days)
      }
      const found = await attempt(world.ledger.call<{ id: string }>('POST', '/v1/promises', { body }))
      if (found !== null) world.made.promise.push(found.id)
    },
    hasOpen
  )
)

const plan = fc.tuple(n, fc.integer({ min: 1, max: 4 }), fc.constantFrom('weekly', 'monthly')).map(([which, count, every]) =>
  command(
    `plan(${which}, ${count}, ${every})`,
    async (books, world) => {
      const schedule = { kind: 'equal', count, every, first_on: dayAfter(await nowOf(world), 5) }
      const body = { client_id: world.clientId, invoice_ids: [openOf(books, which).id], schedule }
      const found = await attempt(world.ledger.call<{ id: string }>('POST', '/v1/payment-plans', { body }))
      if (found === null) return
      world.made.plan.push(found.id)
      await attempt(world.ledger.call('POST', `/v1/payment-plans/${found.id}/accept`, { body: { accepted_by: 'Ada' } }))
    },
    hasOpen
  )
)

const ends = { hold: ['holds', 'release'], promise: ['promises', 'cancel'], plan: ['payment-plans', 'cancel'] } as const

const end = fc.tuple(fc.constantFrom('hold' as const, 'promise' as const, 'plan' as const), n).map(([kind, which]) =>
  command(`end ${kind}(${which})`, async (_, { ledger, made }) => {
    const [path, action] = ends[kind]
    if (made[kind].length > 0)
      await attempt(ledger.call('POST', `/v1/${path}/${pick(made[kind], which)}/${action}`, { body: {} }))
  })
)

const advance = fc.integer({ min: 1, max: 20 }).map((days) =>
  command(`advance(${days})`, async (_, { ledger }) => {
    await ledger.advance(days)
  })
)

/** Every command, time and claims often. */
export const commands = [
  issue,
  advance,
  pay,
  issue,
  advance,
  announce,
  settle,
  fail,
  reverse,
  close,
  dispute,
  resolve,
  hold,
  promise,
  plan,
  end
]
