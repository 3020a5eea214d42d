import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { answerOf, eventBodyOf, writesFrom } from './create-invoice-floor.ts'
import { execute } from './service.ts'

const run = promisify(execFile)
const NOBODY = '00000000-0000-0000-0000-000000000000'

type Given = Readonly<{ orgId: string; endpointId: string; connections: number }>
export type Pgbench = Readonly<{ run: (seconds: number) => Promise<number>; stop: () => Promise<void> }>

/** The floor's statement without HTTP and JavaScript: what the database alone makes of it. Undefined where there is no pgbench. */
export async function findPgbench(url: string, { orgId, endpointId, connections }: Given): Promise<Pgbench | undefined> {
  const found = await run('pgbench', ['--version']).catch(() => undefined)
  if (found === undefined) return undefined
  await execute(url, 'create table bench_clients (n int primary key, id uuid not null)')
  await execute(url, 'insert into bench_clients select row_number() over (), id from clients')
  const [counted] = await execute<{ clients: string }>(url, 'select count(*) as clients from bench_clients')
  const at = new Date().toISOString()
  const body = { client_id: NOBODY, number: '2026-1', total: '100.50', issued_on: '2026-03-10', due_on: '2026-04-09' }
  const answer = answerOf(body, { id: NOBODY, at })
  const event = eventBodyOf(answer, { orgId, at })
  // In a table, because pgbench would take each colon in them for a variable.
  await execute(url, 'create table bench_texts as select $1::text as answer, $2::text as event_body', [answer, event])
  const given = `
    select '${orgId}'::uuid as org, gen_random_uuid()::text as idempotency_key, answer, now() as at, uuidv7() as invoice,
      id as client, '2026-1' as number, 10050::bigint as total, '2026-03-10'::date as issued_on, '2026-04-09'::date as due_on,
      uuidv7() as obligation, uuidv7() as entry, uuidv7() as event, event_body, uuidv7() as delivery, '${endpointId}'::uuid as endpoint
    from bench_clients, bench_texts where n = :client`
  const folder = await mkdtemp(join(tmpdir(), 'dunwell-pgbench-'))
  const script = join(folder, 'issue.sql')
  await writeFile(script, `\\set client random(1, ${counted?.clients ?? 1})\n${writesFrom(given).replaceAll(/\s+/g, ' ')};\n`)
  const flags = ['--no-vacuum', '--protocol=prepared', `--client=${connections}`, '--jobs=1', `--file=${script}`]
  return {
    async run(seconds) {
      const { stdout } = await run('pgbench', [...flags, `--time=${seconds}`, url])
      const perSecond = /tps = ([\d.]+)/.exec(stdout)?.[1]
      if (perSecond === undefined) throw new Error(`pgbench said nothing of its speed:\n${stdout}`)
      return Number(perSecond)
    },
    stop: () => rm(folder, { recursive: true, force: true })
  }
}
