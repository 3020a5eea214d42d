import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { Agent } from 'undici'
import type { Progress } from './bench.ts'
import { CONCURRENCY, type Send } from './delivery-worker.ts'
import { createPost } from './signed-post.ts'

/** A job queue that does what the service does: what was queued is claimed, signed, posted, and what came of it logged. */
export type Yardstick = Readonly<{
  name: string
  queue: (sends: readonly Send[]) => Promise<void>
  /** Begins to work, and hands each job to `work`; resolves when so many are done and nothing of them is left in the queue. */
  deliver: (count: number, sending: Sending) => Promise<void>
  stop: () => Promise<void>
}>

export type Outcome = Readonly<{ id: string; startedAt: Date; durationMs: number; status: number }>

export type Sending = Readonly<{
  send: (send: Send) => Promise<Outcome>
  /** Durable when it resolves. */
  log: (outcomes: readonly Outcome[]) => Promise<void>
}>

const folder = fileURLToPath(new URL('.', import.meta.url))

/** Installs the queues into this folder, unless what is there is what package.json says. They are no dependency of the service. */
export function installQueues({ step }: Progress): void {
  const { dependencies } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as { dependencies: Record<string, string> }
  if (Object.entries(dependencies).every(([name, version]) => installed(name) === version)) return
  step(`job queues: installing ${Object.keys(dependencies).join(' and ')} into bench/node_modules`)
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', options, { cwd: folder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (status !== 0) throw new Error('The job queues could not be installed: npm ci in bench/ says why.')
}

function installed(name: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(`${folder}node_modules/${name}/package.json`, 'utf8')) as { version: string }).version
  } catch {
    return undefined
  }
}

/** What is sent and logged in the same way for each of them: as many sockets as the service has, and a row for each attempt. */
export async function openSending(databaseUrl: string, url: string) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 })
  const agent = new Agent({ connections: CONCURRENCY, pipelining: 1 })
  const post = createPost(url, agent)
  await pool.query(makeLog)
  const sending: Sending = {
    async send(one) {
      const startedAt = new Date()
      const status = await post(one)
      return { id: one.id, startedAt, durationMs: Date.now() - startedAt.getTime(), status }
    },
    async log(outcomes) {
      const columns = [
        outcomes.map(({ id }) => id),
        outcomes.map(({ startedAt }) => startedAt),
        outcomes.map(({ durationMs }) => durationMs),
        outcomes.map(({ status }) => status)
      ]
      await pool.query({ name: 'log', text: writeLog, values: columns })
    }
  }
  return {
    sending,
    /** How many are in the log, which is emptied. */
    async logged(): Promise<number> {
      const { rows } = await pool.query<{ count: number }>('select count(*)::int as count from attempts')
      await pool.query('truncate attempts')
      return rows[0]?.count ?? 0
    },
    async close() {
      await agent.close()
      await pool.end()
    }
  }
}

const makeLog = `
  create table attempts (
    event_id uuid not null, attempt integer not null, started_at timestamptz not null, duration_ms integer not null,
    succeeded boolean not null, status integer, error text, primary key (event_id, attempt)
  )`

const writeLog = `
  insert into attempts (event_id, attempt, started_at, duration_ms, succeeded, status)
  select id, 1, started_at, duration_ms, true, status
  from unnest($1::uuid[], $2::timestamptz[], $3::integer[], $4::integer[]) as t(id, started_at, duration_ms, status)`
