import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../docs/blocks.ts'

const folders = ['bench', 'deploy', 'docs', 'examples', 'src', 'test']
const below = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
const documents = [...readdirSync(root), ...folders.flatMap(below)].filter(
  (path) => path.endsWith('.md') && !path.includes('node_modules')
)

test('what the documents link to is there', () => {
  expect(documents).toContain('README.md')
  const dead = documents.flatMap((path) => {
    const links = [...readFileSync(join(root, path), 'utf8').matchAll(/\]\(([^)#\s]+)/g)].map(([, link = '']) => link)
    return links
      .filter((link) => !/^\w+:/.test(link) && !existsSync(join(root, dirname(path), link)))
      .map((link) => `${path}: ${link}`)
  })
  expect(dead).toEqual([])
})
