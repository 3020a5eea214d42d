import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from '../docs/blocks.ts'

const read = (name: string) => readFileSync(join(root, name), 'utf8')
/** What a variable is where it is not set. */
const standardOf = (value: string) => /^\$\{\w+:-(\S+)\}$/.exec(value)?.[1] ?? value
const PINNED = /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/

const dockerfile = read('Dockerfile')
const [, base] = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile) ?? []

test('the image is built on one base, pinned by its digest', () => {
  expect(base).toMatch(PINNED)
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, from]) => from)
  expect(new Set(bases)).toEqual(new Set(['$' + '{NODE_IMAGE}']))
})

test('what the composition starts is built here or pinned by its digest, and has a limit of memory', () => {
  type Service = Readonly<{ image: string; build?: Readonly<{ args: Readonly<{ NODE_IMAGE: string }> }>; mem_limit?: string }>
  const { services } = parse(read('compose.yaml'), { merge: true }) as { services: Record<string, Service> }
  for (const [name, { image, build, mem_limit: limit }] of Object.entries(services)) {
    if (build === undefined) expect([name, standardOf(image)]).toEqual([name, expect.stringMatching(PINNED)])
    else expect([name, standardOf(build.args.NODE_IMAGE)]).toEqual([name, base])
    expect([name, limit]).toEqual([name, expect.stringMatching(/^\d+[mg]$/)])
  }
})
