import fc from 'fast-check'
import type { Answer } from './app.ts'
import { done, type Ledger } from './dunning.ts'
import type { ModelBooks } from './model-books.ts'
import type { ModelInvoice, ModelPayment } from './model-claims.ts'
import { expectEvents, type Snapshot } from './model-events.ts'
import { expectServiceFollows } from './model-service.ts'

/** What the commands run against, and what they have made there. */
export type World = Readonly<{
  ledger: Ledger
  clientId: string
  /** The client's. */
  parentId: string
  /** The organization's default at first, and another one. */
  policyIds: readonly [string, string]
  made: Readonly<Record<'hold' | 'promise' | 'plan' | 'dispute', string[]>>
  /** How everything was after the command before. */
  seen: { last: Snapshot }
}>

export type Command = fc.AsyncCommand<ModelBooks, World>
type Run = (books: ModelBooks, world: World) => Promise<unknown>

export const amountOf = (minor: bigint) => `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}`
export const minorOf = (amount: string) => BigInt(amount.replace('.', ''))
export const dayAfter = (now: string, days: number) => new Date(Date.parse(now) + days * 86_400_000).toISOString().slice(0, 10)

export async function nowOf({ ledger }: World): Promise<string> {
  return (await done(ledger.call<{ now_at: string }>('GET', '/v1/test-clock'))).now_at
}

/** A command that the service may refuse: then nothing is changed, which the books show in the end. Never an error of its own. */
export async function attempt<Body>(answer: Promise<Answer<Body>>): Promise<Body | null> {
  const { status, body } = await answer
  if (status >= 500 || status === 404) throw new Error(`${status} ${JSON.stringify(body)}`)
  return status < 300 ? body : null
}

/** These send several requests, or let time pass: more than one transaction. */
const several = /^(advance|plan|renegotiate)\(/

/**
 * Each leaves a note of what is open from then on, the client served as the stages that stand say, and the events that follow from
 * what it changed.
 */
export function command(name: string, run: Run, isPossible: (books: ModelBooks) => boolean = () => true): Command {
  return {
    check: isPossible,
    toString: () => name,
    async run(books, world) {
      await run(books, world)
      const { ledger, seen } = world
      seen.last = await expectEvents(ledger, { before: seen.last, name, isOne: !several.test(name) })
      books.note(await nowOf(world))
      await expectServiceFollows(books, world)
    }
  }
}

export const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T
export const hasOpen = ({ invoices }: ModelBooks) => invoices.some(({ status }) => status === 'open')
export const openOf = ({ invoices }: ModelBooks, n: number): ModelInvoice =>
  pick(
    invoices.filter(({ status }) => status === 'open'),
    n
  )
export const has = (status: ModelPayment['status']) => (books: ModelBooks) => books.payments.some((one) => one.status === status)
export const paymentOf = ({ payments }: ModelBooks, status: ModelPayment['status'], n: number): ModelPayment =>
  pick(
    payments.filter((one) => one.status === status),
    n
  )

export const n = fc.nat({ max: 50 })
export const minor = fc.integer({ min: 1, max: 60_000 }).map(BigInt)
