import { parseArgs } from 'node:util'
import { type Check, checkBooks } from '../checks/books.ts'
import { everyOrganization } from '../every-organization.ts'
import type { Process } from '../main.ts'
import { offline } from './offline.ts'

export const usage = `usage: dunwell verify [--json]

Checks every organization's ledger for inconsistencies. The exit code is 1 if there is one.
`

/** Holds every organization's books against the invariants. Exit code 1 when one is broken. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { values } = parseArgs({ args: argv, options: { json: { type: 'boolean', default: false } } })
  const results = await offline(environment, verifyAll)
  const broken = results.some(({ checks }) => checks.some((check) => check.broken.length > 0))
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : textOf(results))
  return broken ? 1 : 0
}

const SERVICE = 'a client’s service status is the one that its stages that stand ask for'

type Result = Readonly<{ organization: string; checks: readonly Check[] }>

export async function verifyAll({ database, services }: Pick<Process, 'database' | 'services'>): Promise<Result[]> {
  const results: Result[] = []
  for await (const organization of everyOrganization(database, services))
    results.push({
      organization,
      checks: await database.reading(organization, async (reader) => {
        const { checked, broken } = await services.dunning.checkService(reader, await services.organizations.books(reader))
        return [...(await checkBooks(reader)), { name: SERVICE, checked, broken: broken.slice(0, 20) }]
      })
    })
  return results
}

function textOf(results: readonly Result[]): string {
  const totals = new Map<string, { checked: number; broken: string[] }>()
  for (const { organization, checks } of results) {
    for (const { name, checked, broken } of checks) {
      const total = totals.get(name) ?? { checked: 0, broken: [] }
      totals.set(name, {
        checked: total.checked + checked,
        broken: [...total.broken, ...broken.map((id) => `${organization} ${id}`)]
      })
    }
  }
  const lines = [...totals].map(([name, { checked, broken }]) => {
    const head = `${broken.length === 0 ? 'right ' : 'BROKEN'} ${String(checked).padStart(9)}  ${name}`
    return [head, ...broken.map((id) => `                    ${id}`)].join('\n')
  })
  return `${results.length} organizations\n${lines.join('\n')}\n`
}
