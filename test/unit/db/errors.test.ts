import { DrizzleQueryError } from 'drizzle-orm/errors'
import { expect, test } from 'vitest'
import { DatabaseUnavailable, withoutQueries } from '../../../src/db/errors.ts'

const driver = new Error('deadlock detected')
const query = new DrizzleQueryError('select … where email = $1', ['ada@acme.example'], driver)

test('what is logged of an error is its cause, and neither SQL nor parameters, however deep they are', () => {
  expect(withoutQueries(query)).toBe(driver)
  expect(withoutQueries(driver)).toBe(driver)
  const outer = withoutQueries(new Error('A client failed.', { cause: new DatabaseUnavailable(query) })) as Error
  expect(outer.message).toBe('A client failed.')
  expect((outer.cause as Error).message).toBe('The database does not answer.')
  expect((outer.cause as Error).cause).toBe(driver)
  expect(withoutQueries('no error')).toBe('no error')
})
