import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { DatabaseUnavailable } from '../../../src/db/errors.ts'
import { registerProblems } from '../../../src/http/problem.ts'

/** What a database can refuse with for reasons that pass, as the driver gives it and as Drizzle wraps it. */
test.for([
  ['55P03', '409 concurrent_request', 'another write holds the row'],
  ['40P01', '503 unavailable', 'a deadlock, after every retry'],
  ['40001', '503 unavailable', 'a serialization failure, after every retry'],
  ['57014', '503 unavailable', 'the statement took too long'],
  ['53100', '503 unavailable', 'the disk is full'],
  ['53200', '503 unavailable', 'memory is used up'],
  ['53300', '503 unavailable', 'too many connections'],
  ['25006', '503 unavailable', 'a standby, which only reads'],
  ['58030', '503 unavailable', 'the disk failed'],
  ['58000', '503 unavailable', 'the system under the server failed'],
  ['57P01', '503 unavailable', 'the server shuts down'],
  ['57P05', '503 unavailable', 'the session was idle for too long'],
  ['EHOSTUNREACH', '503 unavailable', 'there is no way to the server'],
  ['42P01', '500 internal_error', 'a table is missing, which is a fault of ours']
] as const)('%s is answered with %s: %s', async ([code, refusal]) => {
  const cause = Object.assign(new Error('driver'), { code })
  for (const error of [cause, new Error('Failed query: …', { cause })]) {
    const { status, problem, retryAfter } = await answerTo(error)
    expect(`${status} ${problem.code}`).toBe(refusal)
    expect(retryAfter === undefined).toBe(status === 500)
  }
})

test('a read that waits for a lock in vain is one that finds the database not available', async () => {
  const locked = Object.assign(new Error('driver'), { code: '55P03' })
  expect((await answerTo(new DatabaseUnavailable(locked))).problem.code).toBe('unavailable')
})

async function answerTo(error: Error) {
  const app = Fastify({ logger: false })
  registerProblems(app, { check: () => undefined, count: () => undefined })
  app.get('/', () => Promise.reject(error))
  const response = await app.inject('/')
  return {
    status: response.statusCode,
    problem: response.json<{ code: string }>(),
    retryAfter: response.headers['retry-after']
  }
}
