import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Bench, BenchContext } from './bench.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const READY_TIMEOUT_MS = 60_000

type Environment = Readonly<Record<string, string>>

/** P11. Real processes, from the spawn to the first 200 of /readyz; they are stopped by SIGTERM and must end with 0. */
export const bench: Bench = {
  ids: ['P11 given', 'P11 embedded'],
  async run(context) {
    const { name, url } = await context.server.createDatabase()
    const dataDir = await mkdtemp(join(tmpdir(), 'dunwell-start-'))
    const given = { DATABASE_URL: url, DUNWELL_SECRET_KEY: randomBytes(32).toString('hex') }
    const embedded = { DUNWELL_DATA_DIR: dataDir }
    try {
      // The first start of the embedded server makes its cluster; warm is every start after it.
      for (const environment of [given, embedded]) await startOnce(environment)
      return await measure(context, { given, embedded })
    } finally {
      await rm(dataDir, { recursive: true, force: true })
      await context.server.drop(name)
    }
  }
}

async function measure({ rounds, progress }: BenchContext, { given, embedded }: { given: Environment; embedded: Environment }) {
  const found = { given: [] as number[], embedded: [] as number[] }
  for (let round = 1; round <= rounds; round++) {
    found.given.push(await startOnce(given))
    found.embedded.push(await startOnce(embedded))
    const [a, b] = [found.given.at(-1)?.toFixed(2), found.embedded.at(-1)?.toFixed(2)]
    progress.step(`P11 round ${round} of ${rounds}: given ${a} s, embedded ${b} s`)
  }
  return [
    { id: 'P11 given' as const, unit: 's', floor: null, figure: found.given },
    { id: 'P11 embedded' as const, unit: 's', floor: null, figure: found.embedded }
  ]
}

/** @returns seconds until it is ready. */
async function startOnce(environment: Environment): Promise<number> {
  const startedMs = performance.now()
  const env = { PATH: process.env['PATH'] ?? '', ...environment, PORT: '0' }
  const child = spawn(process.execPath, ['src/cli.ts', 'serve'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  const timeout = setTimeout(() => child.kill('SIGKILL'), READY_TIMEOUT_MS)
  try {
    const url = await Promise.race([readyUrl(child.stdout), ended.then(([code]) => endedEarly(code))])
    const { status } = await fetch(`${url}/readyz`)
    const seconds = (performance.now() - startedMs) / 1000
    if (status !== 200) throw new Error(`A service that says it is ready answers ${status}.`)
    child.kill('SIGTERM')
    const [code] = await ended
    if (code !== 0) throw new Error(`The service ended with ${code}.`)
    return seconds
  } finally {
    clearTimeout(timeout)
    if (child.exitCode === null) child.kill('SIGKILL')
  }
}

/** From the log line that the service writes when it listens. */
async function readyUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    if (!line.startsWith('{')) continue
    const entry = JSON.parse(line) as { msg?: string; url?: string }
    if (entry.msg === 'ready' && entry.url !== undefined) {
      output.resume()
      return entry.url
    }
  }
  throw new Error('The service ended its output without being ready.')
}

function endedEarly(code: number | null): never {
  throw new Error(`The service ended with ${code} before it was ready.`)
}
