import { posix } from 'node:path'
import ts from 'typescript'
import { type Finding, lineOf, type Source, walk } from './sources.ts'

const fileLinesMax = 300
const functionLinesMax = 50
const emptyNames = ['util', 'utils', 'helper', 'helpers', 'common', 'types', 'misc', 'shared']

/** Rule 6. */
export function filesStayShort(sources: readonly Source[]): Finding[] {
  return sources.flatMap(({ path, tree }) => {
    const lines = tree.text.trimEnd().split('\n').length
    if (lines < fileLinesMax) return []
    return {
      path,
      line: lines,
      sentence: `has ${lines} lines; a file has less than ${fileLinesMax}, so that it can be read in one sitting`
    }
  })
}

/**
 * A function's own lines of code: those of the functions inside it are theirs, so that a factory may hold many short ones; comments
 * and blank lines are free. A route's `schema` counts as one line, for it is a declaration that is read on its own.
 */
export function functionsStayShort(sources: readonly Source[]): Finding[] {
  return sources.flatMap(({ path, tree }) => {
    const found: Finding[] = []
    walk(tree, (node) => {
      if (!isFunctionWithBody(node)) return
      const lines = ownLines(tree, node)
      if (lines < functionLinesMax) return
      found.push({
        path,
        line: lineOf(tree, node),
        sentence: `has ${nameOf(node)} of ${lines} lines; a function has less than ${functionLinesMax}`
      })
    })
    return found
  })
}

function isFunctionWithBody(node: ts.Node): boolean {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined
}

function nameOf(node: ts.Node): string {
  const named = ts.isVariableDeclaration(node.parent) || ts.isPropertyAssignment(node.parent) ? node.parent : node
  const name = 'name' in named ? (named.name as ts.Node | undefined) : undefined
  return name === undefined ? 'a function' : `the function ${name.getText()}`
}

function ownLines(tree: ts.SourceFile, outer: ts.Node): number {
  const lines = new Set<number>()
  const count = (node: ts.Node): void => {
    const children = node.getChildren(tree)
    // Of what is counted by itself, the first line is where the outer function mentions it.
    if (node !== outer && (isFunctionWithBody(node) || isRouteOptions(node))) lines.add(lineOf(tree, node))
    else if (children.length > 0) children.forEach(count)
    else for (let line = lineOf(tree, node); line <= lastLineOf(tree, node); line += 1) lines.add(line)
  }
  count(outer)
  return lines.size
}

function lastLineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.end).line + 1
}

function isRouteOptions(node: ts.Node): boolean {
  return ts.isObjectLiteralExpression(node) && node.properties.some(({ name }) => name?.getText() === 'schema')
}

export function namesSayWhatIsInside(sources: readonly Source[]): Finding[] {
  return sources.flatMap(({ path }) => {
    const bad = path.split('/').find((part) => emptyNames.includes(posix.basename(part, '.ts').replace(/\.test$/, '')))
    if (bad === undefined) return []
    return { path, line: 1, sentence: `is called ${bad}, which says nothing: name it after what is inside` }
  })
}
