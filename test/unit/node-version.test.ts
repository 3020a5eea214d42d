import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nodeRefusal } from '../../src/node-version.ts'
import { root } from '../docs/blocks.ts'

test('an older Node is refused with what it is and what is needed, before anything is loaded that it cannot read', () => {
  expect(nodeRefusal('24.0.0')).toBeUndefined()
  expect(nodeRefusal('26.1.0')).toBeUndefined()
  expect(nodeRefusal('20.19.4')).toBe(
    'Dunwell needs Node 24 or later, and this is 20.19.4. Install Node 24 from https://nodejs.org.'
  )
  expect(readFileSync(`${root}/src/cli.ts`, 'utf8')).toMatch(/^import '\.\/node-version\.ts'\n/)
})
