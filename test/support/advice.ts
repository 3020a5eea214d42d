import { expect } from 'vitest'
import { done, type Ledger } from './dunning.ts'

type Answer = { status: number; body: { id: string; detail?: string } }
export type World = Readonly<{
  ledger: Ledger
  client: string
  send: (method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object) => Promise<Answer>
}>
/** A refusal, the words of its advice, the step that they name, and the wish once more, or what takes its place. */
export type Case = Readonly<{
  advice: string
  wish: (world: World) => Promise<Answer>
  step?: (world: World) => Promise<unknown>
  again?: (world: World) => Promise<Answer>
}>

export const invoice = { number: 'N', currency: 'EUR', total: '100.00', issued_on: '2026-01-01', due_on: '2026-02-01' }
export const byRef = (kind: string, id = 'own') => `/v1/${kind}/by-ref?source=erp&id=${id}`
export const idOf = async ({ ledger }: World, kind: string) => (await done(ledger.call<{ id: string }>('GET', byRef(kind)))).id
export const put = ({ client, send }: World, body: object = {}) =>
  send('PUT', byRef('invoices'), { client_id: client, ...invoice, ...body })

/** Meets the refusal, takes the step that it names, and expects that this leads there. */
export async function takeAdvice({ advice, wish, step, again }: Case, ledger: Ledger): Promise<void> {
  const client = await ledger.addClient()
  const send: World['send'] = (method, path, body) =>
    ledger.call<Answer['body']>(method, path, body === undefined ? {} : { body })
  const world: World = { ledger, client, send }
  const refused = await wish(world)
  expect([refused.status >= 400, refused.body.detail]).toEqual([true, expect.stringContaining(advice)])
  await step?.(world)
  const answer = await (again ?? wish)(world)
  expect([answer.status, answer.body]).toMatchObject([expect.toSatisfy((status: number) => status < 300), answer.body])
}
