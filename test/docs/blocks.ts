import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A fenced block of a document that says how it is to be run: `<!-- run: KIND -->` on the line before it. */
export type Block = Readonly<{ kind: string; language: string; text: string }>

export function blocksOf(file: string): Block[] {
  const text = readFileSync(`${root}/${file}`, 'utf8')
  return [...text.matchAll(/<!-- run: (\w+) -->\n```(\w+)\n([\s\S]*?)```/g)].map(([, kind = '', language = '', body = '']) => ({
    kind,
    language,
    text: body
  }))
}

export function theBlock(file: string, kind: string): Block {
  const [block, second] = blocksOf(file).filter((candidate) => candidate.kind === kind)
  if (block === undefined || second !== undefined) throw new Error(`${file} has not exactly one block to run as ${kind}`)
  return block
}
