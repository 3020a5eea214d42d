import ts from 'typescript'
import { type Finding, lineOf, moduleOf, partOf, type Source, walk } from './sources.ts'

const writing = /\b(?:insert\s+into|update(?!\s+of\b)|delete\s+from|merge\s+into)\s+"?([a-z_]+)"?/g
/** `for update` locks, `do update set` belongs to the insert before it. */
const locking = /\bfor\s+(?:no\s+key\s+)?update\b|\bdo\s+update\b/g

/** Tables that somebody else than their owner writes, set-wise, and why. */
export const sharedWrites: Readonly<Record<string, string>> = {}

/** Services that open their own transaction, and why. */
export const ownTransactions: Readonly<Record<string, string>> = {
  'src/modules/organizations/api-key-service.ts':
    'authenticates before a request has an organization, hence before it can have a transaction'
}

/** Rule 5, first half: a function that writes takes a Tx, which exists only inside a writing transaction. */
export function writesTakeATx(sources: readonly Source[]): Finding[] {
  return sources
    .filter(({ path }) => moduleOf(path) !== undefined && partOf(path) === 'repository')
    .flatMap(({ path, tree }) => {
      const statements = writingStatements(tree)
      return functionsIn(tree).flatMap((node) => {
        if (!writes(node, statements) || node.parameters[0]?.type?.getText() === 'Tx') return []
        const name = node.name?.getText() ?? 'a function'
        return { path, line: lineOf(tree, node), sentence: `writes in ${name}, whose first parameter is not a Tx` }
      })
    })
}

function functionsIn(tree: ts.SourceFile): ts.FunctionDeclaration[] {
  return tree.statements.filter(ts.isFunctionDeclaration)
}

/** Names of constants at the top of the file whose text writes. */
function writingStatements(tree: ts.SourceFile): Set<string> {
  const names = tree.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .filter(({ initializer }) => initializer !== undefined && writesWithin(initializer))
    .map(({ name }) => name.getText())
  return new Set(names)
}

function writes(node: ts.FunctionDeclaration, statements: ReadonlySet<string>): boolean {
  let found = writesWithin(node)
  walk(node, (inner) => {
    if (ts.isIdentifier(inner) && statements.has(inner.text)) found = true
  })
  return found
}

function tablesWritten(text: string): string[] {
  return [...text.replaceAll(locking, '').matchAll(writing)].flatMap(([, table]) =>
    table === undefined || table === 'set' ? [] : [table]
  )
}

/** Which argument of these calls is the table that they write. */
const tableArgument: Readonly<Record<string, number>> = {
  insert: 0,
  update: 0,
  delete: 0,
  insertFrom: 0,
  insertion: 1,
  saving: 1
}

/** What this node alone writes: names of tables, and of the objects that stand for them. */
function writtenBy(node: ts.Node): string[] {
  if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) return tablesWritten(node.getText())
  if (!ts.isCallExpression(node)) return []
  const { expression, arguments: given } = node
  const table = given[tableArgument[(ts.isPropertyAccessExpression(expression) ? expression.name : expression).getText()] ?? -1]
  return table !== undefined && ts.isIdentifier(table) ? [table.text] : []
}

function writesWithin(node: ts.Node): boolean {
  let found = false
  walk(node, (inner) => {
    if (writtenBy(inner).length > 0) found = true
  })
  return found
}

/** Rule 5, second half: transactions are opened at the edge, so that commands compose. */
export function onlyTheEdgeOpensTransactions(sources: readonly Source[]): Finding[] {
  return sources
    .filter(({ path }) => moduleOf(path) !== undefined && partOf(path) !== 'routes' && !(path in ownTransactions))
    .flatMap(({ path, tree }) => {
      const found: Finding[] = []
      walk(tree, (node) => {
        if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return
        if (!['scoped', 'scheduling', 'transaction'].includes(node.expression.name.text)) return
        const sentence = `opens a transaction with ${node.expression.name.text}: the request or the job does, and hands it in`
        found.push({ path, line: lineOf(tree, node), sentence })
      })
      return found
    })
}

/** Rule 2, in SQL: what a module's statements write is its own. */
export function modulesWriteTheirOwnTables(sources: readonly Source[]): Finding[] {
  const owners = ownersOfTables(sources)
  return sources
    .filter(({ path }) => moduleOf(path) !== undefined)
    .flatMap(({ path, tree }) => {
      const found: Finding[] = []
      walk(tree, (node) => {
        for (const table of writtenBy(node)) {
          const owner = owners.get(table)
          if (owner === undefined || owner === moduleOf(path) || `${moduleOf(path)} → ${table}` in sharedWrites) continue
          found.push({ path, line: lineOf(tree, node), sentence: `writes the table ${table}, which is ${owner}'s` })
        }
      })
      return found
    })
}

function ownersOfTables(sources: readonly Source[]): Map<string, string> {
  const owners = new Map<string, string>()
  for (const { path, tree } of sources) {
    const module = moduleOf(path)
    if (module === undefined || partOf(path) !== 'table') continue
    walk(tree, (node) => {
      if (!ts.isCallExpression(node) || node.expression.getText() !== 'pgTable') return
      const [name] = node.arguments
      if (name !== undefined && ts.isStringLiteralLike(name)) owners.set(name.text, module)
      if (ts.isVariableDeclaration(node.parent)) owners.set(node.parent.name.getText(), module)
    })
  }
  return owners
}
