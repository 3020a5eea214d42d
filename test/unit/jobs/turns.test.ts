import { expect, test } from 'vitest'
import { inTurns } from '../../../src/jobs/turns.ts'

test('a step that finds nothing while another one finds something does not end the work', async () => {
  const [finding, passingOver] = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()]
  const answers = [finding.promise, passingOver.promise]
  let asked = 0
  const done = inTurns(['a'], {
    step: () => answers[asked++] ?? Promise.resolve(false),
    concurrency: 2,
    signal: new AbortController().signal
  })
  expect(asked).toBe(2)
  // The second passed over what the first had locked, and ends after it.
  finding.resolve(true)
  await finding.promise
  passingOver.resolve(false)
  await done
  expect(asked).toBeGreaterThan(2)
})
