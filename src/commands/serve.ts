import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { type Config, loadConfig } from '../config.ts'
import { BEFORE_ALL_IDS } from '../kernel/keyset.ts'
import { createLogger, type Process, start } from '../main.ts'
import { createOrganization } from './organization.ts'

export const usage = `usage: dunwell serve

Answers HTTP, sweeps and delivers until SIGTERM or SIGINT. Settings are environment variables; the README lists them.
`

/** Runs until SIGTERM or SIGINT, then drains: no new work, what is in flight is finished, exit code 0. */
export async function run(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  parseArgs({ args: argv, options: {} })
  const config = loadConfig(environment)
  const log = createLogger(config)
  const stopping = signalled()
  const running = await start({ config, log, signal: stopping })
  if (running.isEmbedded && running.url !== undefined) await welcome(running, config)
  log.info({ roles: config.DUNWELL_ROLES, url: running.url }, 'ready')
  if (!stopping.aborted) await once(stopping, 'abort')
  log.info({ signal: stopping.reason as unknown }, 'stopping')
  await running.stop()
  log.info('stopped')
  return 0
}

const SAME_MS = 1_000

/** Aborted by the first signal. One that comes a while later ends the process at once. */
function signalled(): AbortSignal {
  const stopping = new AbortController()
  let endsAfter = Number.POSITIVE_INFINITY
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      // A terminal sends Ctrl-C to everybody who runs on it, and npm passes on to us what it got of it.
      if (performance.now() > endsAfter) process.exit(1)
      if (!stopping.signal.aborted) endsAfter = performance.now() + SAME_MS
      stopping.abort(name)
    })
  }
  return stopping.signal
}

/** The first minute: somewhere to look, and a key, made and shown once. */
async function welcome(
  { database, services, url }: Process,
  { DUNWELL_DOCS: hasDocs }: Pick<Config, 'DUNWELL_DOCS'>
): Promise<void> {
  const [any] = await database.scheduling((scheduler) =>
    services.organizations.organizationsAfter(scheduler, { after: BEFORE_ALL_IDS, limit: 1 })
  )
  const docs = hasDocs ? [`  API in the browser   ${url}/docs`] : []
  const lines = [`Dunwell listens on ${url}`, ...docs, `  OpenAPI document     ${url}/openapi.json`]
  if (any === undefined) {
    const { key } = await createOrganization(
      { database, services },
      { name: 'Development', mode: 'test', timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, currency: 'EUR' }
    )
    lines.push(`  Key, shown once      ${key}`, '  It belongs to a test organization, whose clock you can advance.')
  } else {
    lines.push('  Key                  shown at the first start; another: npm run key -- --help')
  }
  process.stdout.write(`\n${lines.join('\n')}\n\n`)
}
