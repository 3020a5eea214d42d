import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from '../docs/blocks.ts'

const read = (name: string) => readFileSync(join(root, name), 'utf8')
const PINNED = /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/

test('the image is built on one base, pinned by its digest', () => {
  const dockerfile = read('Dockerfile')
  const [, base] = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile) ?? []
  expect(base).toMatch(PINNED)
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, from]) => from)
  expect(new Set(bases)).toEqual(new Set(['$' + '{NODE_IMAGE}']))
})

test('what the composition starts is built here or pinned by its digest, and has a limit of memory', () => {
  type Service = Readonly<{ image: string; build?: object; mem_limit?: string }>
  const { services } = parse(read('compose.yaml'), { merge: true }) as { services: Record<string, Service> }
  for (const [name, { image, build, mem_limit: limit }] of Object.entries(services)) {
    const [, standard = image] = /^\$\{\w+:-(\S+)\}$/.exec(image) ?? []
    if (build === undefined) expect([name, standard]).toEqual([name, expect.stringMatching(PINNED)])
    expect([name, limit]).toEqual([name, expect.stringMatching(/^\d+[mg]$/)])
  }
})
