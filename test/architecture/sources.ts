import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * `target` is a path in the project for a relative import; `names` is empty for a bare or a namespace import. An `erased` one has
 * types alone and is gone when the program runs.
 */
export type Import = Readonly<{
  specifier: string
  target: string | undefined
  names: readonly string[]
  erased: boolean
  line: number
}>

export type Source = Readonly<{ path: string; tree: ts.SourceFile; imports: readonly Import[] }>

export type Finding = Readonly<{ path: string; line: number; sentence: string }>

/** What a file is in its module, by its name. */
export type Part = 'table' | 'repository' | 'service' | 'schemas' | 'routes' | 'domain'

/** Every TypeScript file under the folders, tests' own plants excluded because they exist only as text. */
export function readSources(...folders: string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
      .sort()
      .map((path) => parse(path, readFileSync(`${root}/${path}`, 'utf8')))
  )
}

export function parse(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, true)
  const imports: Import[] = []
  walk(tree, (node) => {
    const specifier = specifierOf(node)
    if (specifier === undefined) return
    const target = specifier.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), specifier)) : undefined
    imports.push({ specifier, target, names: namesOf(node), erased: isErased(node), line: lineOf(tree, node) })
  })
  return { path, tree, imports }
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  node.forEachChild((child) => walk(child, visit))
}

export function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier)
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return textOf(node.arguments[0])
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal)
  return undefined
}

function textOf(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined
}

function namesOf(node: ts.Node): string[] {
  if (!ts.isImportDeclaration(node)) return []
  const bindings = node.importClause?.namedBindings
  if (bindings === undefined || !ts.isNamedImports(bindings)) return []
  return bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text)
}

function isErased(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true
  if (ts.isExportDeclaration(node)) return node.isTypeOnly
  if (!ts.isImportDeclaration(node) || node.importClause === undefined) return false
  const { phaseModifier, name, namedBindings } = node.importClause
  if (phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  return (
    name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every((element) => element.isTypeOnly)
  )
}

/** The module's name, or undefined outside of src/modules. */
export function moduleOf(path: string): string | undefined {
  return /^src\/modules\/([^/]+)\//.exec(path)?.[1]
}

export function partOf(path: string): Part {
  const name = posix.basename(path, '.ts')
  for (const part of ['repository', 'service', 'schemas', 'routes'] as const) {
    if (name === part || name.endsWith(`-${part}`)) return part
  }
  return name === 'table' ? 'table' : 'domain'
}
