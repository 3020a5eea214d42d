import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'

const LOOK_EVERY_MS = 500

type Blocker = Readonly<{ pid: number; application: string; state: string | null; seconds: number | null }>

const selectBlockers = `select a.pid, a.application_name as application, a.state, extract(epoch from now() - a.xact_start)::int as seconds
  from unnest(pg_blocking_pids($1)) as b(pid) join pg_stat_activity a on a.pid = b.pid order by a.xact_start`

/** Looks, on a connection of its own, at what a migration waits for, and tells each time that it is something else. */
export function watchWaits({ connectionString, log }: { connectionString: string; log: (line: string) => void }) {
  let connected: Promise<pg.Client> | undefined
  let told = ''

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString, application_name: 'dunwell migrate' })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  async function look(name: string, pid: number): Promise<void> {
    connected ??= connect()
    const { rows } = await (await connected).query<Blocker>(selectBlockers, [pid])
    const line = `Migration ${name} waits for ${rows.map(textOf).join(', ')}.`
    const pids = rows.map((row) => row.pid).join()
    if (pids !== '' && pids !== told) log(line)
    told = pids
  }

  return {
    async during<T>(name: string, pid: number, work: () => Promise<T>): Promise<T> {
      const done = new AbortController()
      const watching = watch(name, pid, done.signal)
      try {
        return await work()
      } finally {
        done.abort()
        await watching
      }
    },
    end: async (): Promise<void> => {
      await connected?.then(
        (client) => client.end(),
        () => undefined
      )
    }
  }

  async function watch(name: string, pid: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        await look(name, pid)
      } catch (error) {
        // The migration goes on without.
        log(`It is not known what migration ${name} waits for: ${error instanceof Error ? error.message : String(error)}.`)
        return
      }
    }
  }
}

function textOf({ pid, application, state, seconds }: Blocker): string {
  const who = application === '' ? `process ${pid}` : `process ${pid} (${application})`
  return `${who}, ${state ?? 'state unknown'}, in its transaction for ${seconds ?? 0} s`
}
