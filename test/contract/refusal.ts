import { expect } from 'vitest'
import type { Answer } from '../support/app.ts'

type Problem = Readonly<{
  status: number
  code: string
  detail: string
  errors?: readonly { in: string; pointer?: string; parameter?: string; detail: string }[]
}>

/** What tells of the inside: SQL, stacks, files, packages, and names of tables that are no words of the API. */
const INTERNAL =
  /\b(select|insert into|update|delete from)\b .*\b(from|set|values|where)\b|violates|constraint "|relation "|\bat \S+ \(|node:internal|node_modules|\/src\/|\.[jt]s:\d|drizzle|postgres|pg_|ledger_entries|event_bodies|idempotency_keys|stage_entries|org_id|ECONN|DomainError|TypeError|RangeError/i

/** A refusal is a problem document that tells the caller what is wrong, and nothing of how we are made. */
export function expectProblem({ status, body, headers }: Answer<unknown>): Problem {
  expect(headers['content-type'], JSON.stringify(body)).toMatch(/^application\/problem\+json/)
  const problem = body as Problem
  expect(problem).toMatchObject({
    status,
    code: expect.stringMatching(/^[a-z_]+$/),
    title: expect.any(String),
    detail: expect.any(String)
  })
  expect(status).toBeLessThan(500)
  expect(JSON.stringify(problem)).not.toMatch(INTERNAL)
  return problem
}

/** The same, for what names the field that is wrong. */
export function expectRefusalOf(pointer: string, answer: Answer<unknown>): void {
  const { errors = [] } = expectProblem(answer)
  expect(errors.map(({ in: place, ...error }) => (place === 'body' ? error.pointer : `/${error.parameter}`))).toContain(pointer)
}
