import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import type { Logger } from './app.ts'
import { createFitness } from './checks/fitness.ts'
import { type Config, otherKeysOf, rangesOf } from './config.ts'
import { createDatabase, type Database } from './db/client.ts'
import { isUnavailable, unreachable, withoutQueries } from './db/errors.ts'
import { readMigrations, runMigrations } from './db/migrate.ts'
import type { Seal } from './http/idempotency.ts'
import type { Limits } from './http/limits.ts'
import { newId } from './ids.ts'
import { eventMetrics } from './jobs/event-metrics.ts'
import { type Jobs, startJobs } from './jobs/jobs.ts'
import { poolMetrics } from './jobs/pool-metrics.ts'
import type { Kept } from './jobs/upkeep.ts'
import { type Clock, systemClock } from './kernel/clock.ts'
import { untraced } from './kernel/tracing.ts'
import { createSecretBox, NONCE_BYTES, parseSecretKey, type SecretBox } from './modules/webhooks/secret-box.ts'
import { createServices, type Services, type Wake } from './services.ts'
import type { Telemetry } from './telemetry.ts'
import { webhookSettings } from './webhook-settings.ts'

/** Beside the compiled code, or where it is compiled from. */
const [packaged, source] = ['./drizzle', '../drizzle'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
export const migrationsFolder = packaged !== undefined && existsSync(packaged) ? packaged : (source ?? '')

/** A running service: its parts, for the commands that use them, and how to stop it. */
export type Process = Readonly<{
  url: string | undefined
  services: Services
  database: Database
  clock: Clock
  /** Which key seals. */
  keyId: string
  seal: Seal
  isEmbedded: boolean
  stop: () => Promise<void>
}>

/** `none` brings up neither HTTP nor jobs: for commands that only use the parts. */
export type ProcessConfig = Readonly<Omit<Config, 'DUNWELL_ROLES'> & { DUNWELL_ROLES: Config['DUNWELL_ROLES'] | 'none' }>
export type ProcessOptions = Readonly<{
  config: ProcessConfig
  log: Logger
  clock?: Clock
  /** Webhooks may go to this machine, on any port and by http, as they may while the development server is used. */
  isDevelopment?: boolean
  /** Ends a migration that waits for its locks. */
  signal?: AbortSignal
}>

/** Where the data lives and what seals its secrets: the given database, or the development server in the data directory. */
async function openStore(config: ProcessConfig, log: Logger) {
  const { DATABASE_URL: url, DUNWELL_SECRET_KEY: key } = config
  if (url !== undefined && key !== undefined) return { url, key, isEmbedded: false, stop: async () => {} }
  const { startEmbedded } = await import('./db/embedded.ts')
  const dataDir = config.DUNWELL_DATA_DIR
  const server = await startEmbedded({ dataDir: join(dataDir, 'postgres'), persistent: true, log: (line) => log.info(line) })
  return { url: server.url, key: key ?? (await developmentKey(dataDir)), isEmbedded: true, stop: server.stop }
}

/** Made once and kept beside the development server's data: without it, stored secrets could not be opened again. */
async function developmentKey(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret.key')
  await mkdir(dataDir, { recursive: true })
  await writeFile(file, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  return (await readFile(file, 'utf8')).trim()
}

/** Beside the sources and beside what is built of them. */
async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Brings up what the roles ask for, in order, and takes it down in the reverse order. */
export async function start(options: ProcessOptions): Promise<Process> {
  const { config, log, clock = systemClock, isDevelopment = false, signal } = options
  const store = await openStore(config, log)
  const undo: (() => Promise<void>)[] = [store.stop]
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step()
  }
  try {
    if (config.DUNWELL_MIGRATE_ON_START) {
      const how = { connectionString: store.url, migrationsFolder, log: (line: string) => log.warn(line) }
      await runMigrations({ ...how, ...(signal && { signal }) })
    }
    const { tracing = untraced, stop: stopTracing } = await telemetryOf(config, log)
    if (stopTracing !== undefined) undo.push(stopTracing)
    const database = createDatabase({
      tracing,
      url: store.url,
      connections: config.DUNWELL_DATABASE_CONNECTIONS,
      connectionsPerOrganization: config.DUNWELL_ORGANIZATION_CONNECTIONS
    })
    undo.push(database.close)
    // At once: while requests are finished, no job begins anything new.
    const serving: (() => Promise<void>)[] = []
    undo.push(async () => void (await Promise.all(serving.map((end) => end()))))
    const secretBox = secretBoxOf(config, store.key)
    const isFit = createFitness({ database, url: store.url, secretBox, migrations: await readMigrations(migrationsFolder) })
    warnOfLater(await isFit(), log)
    const seal = sealFor(secretBox)
    const registry = new Registry()
    poolMetrics(registry, database)
    const jobs: { current?: Jobs } = {}
    const wake = wakeOf(jobs)
    const webhooks = webhookSettings(config, { isDevelopment: isDevelopment || store.isEmbedded })
    const made = { database, clock, newId, randomBytes, random: Math.random, secretBox }
    const services = createServices({ ...made, wake, ...webhooks, eventsRecorded: eventMetrics(registry) })
    const { DUNWELL_ROLES: roles } = config
    if (roles === 'all' || roles === 'worker') {
      const how = { kept: keptOf(config), sweepCron: config.DUNWELL_SWEEP_CRON, registry, log, tracing }
      jobs.current = startJobs({ ...made, database: database.forJobs(), services, webhooks, ...how })
      serving.push(jobs.current.stop)
    }
    const url = roles === 'all' || roles === 'api' ? await listen() : undefined
    return { url, services, database, clock, keyId: secretBox.keyId, seal, isEmbedded: store.isEmbedded, stop }

    async function listen(): Promise<string> {
      const { DUNWELL_OPERATOR_TOKEN: operatorToken, DUNWELL_METRICS_TOKEN: token, DUNWELL_DOCS: hasDocs } = config
      const metrics = token === undefined ? {} : { metrics: { registry, token, version: await ownVersion() } }
      const limits = {
        operatorToken,
        hasDocs,
        limits: limitsOf(config),
        trustedProxies: rangesOf(config.DUNWELL_TRUSTED_PROXIES)
      }
      // Half of what there is to load, which a worker has no use for.
      const { buildApp } = await import('./app.ts')
      const made = { services, database, clock, newId, seal, isFit }
      const built = await buildApp({ ...made, logger: log, ...limits, ...metrics, ...(tracing !== untraced && { tracing }) })
      serving.push(() => built.close())
      return built.listen({ host: config.HOST, port: config.PORT })
    }
  } catch (error) {
    await stop()
    throw isUnavailable(error) ? unreachable(error, { url: store.url, setting: 'DATABASE_URL' }) : error
  }
}

/** Wakes the jobs of this process, once there are some. */
function wakeOf(jobs: { readonly current?: Jobs }): Wake {
  return {
    deliveries: () => jobs.current?.wake.deliveries(),
    replays: () => jobs.current?.wake.replays(),
    sealer: () => jobs.current?.wake.sealer(),
    clock: () => jobs.current?.wake.clock(),
    sweep: () => jobs.current?.wake.sweep()
  }
}

/** OpenTelemetry is loaded only where there is a collector. */
async function telemetryOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }: ProcessConfig, log: Logger): Promise<Partial<Telemetry>> {
  if (endpoint === undefined) return {}
  const { startTelemetry } = await import('./telemetry.ts')
  return startTelemetry({ endpoint, version: await ownVersion(), log })
}

function warnOfLater({ later }: { later: number }, log: Logger): void {
  if (later > 0) log.warn({ migrations: later }, 'the schema is of a later release, which lets this one run')
}

function secretBoxOf({ DUNWELL_OTHER_SECRET_KEYS: others }: ProcessConfig, key: string): SecretBox {
  return createSecretBox([parseSecretKey(key), ...otherKeysOf(others).map(parseSecretKey)])
}

/** For answers that show a secret once, which are stored for their replay. */
function sealFor(secretBox: SecretBox): Seal {
  return {
    seal: (text) => secretBox.seal(text, { nonce: randomBytes(NONCE_BYTES), context: 'idempotency' }),
    open: (sealed) => secretBox.open(sealed, 'idempotency')
  }
}

function limitsOf(config: ProcessConfig): Limits {
  return {
    itemsPerKey: config.DUNWELL_RATE_LIMIT,
    itemsPerOrganization: config.DUNWELL_ORGANIZATION_RATE_LIMIT,
    wrongPerAddress: config.DUNWELL_WRONG_ATTEMPTS_LIMIT
  }
}

function keptOf({ DUNWELL_ATTEMPTS_KEPT_DAYS: attemptDays, DUNWELL_EVENT_BODIES_KEPT_DAYS: bodyDays }: ProcessConfig): Kept {
  return { attemptDays, bodyDays }
}

/** Logs for machines; in development on a terminal for people, where the formatter is installed. */
export function createLogger(config: ProcessConfig): Logger {
  const serializers = { err: (error: Error) => pino.stdSerializers.err(withoutQueries(error) as Error) }
  const options = { level: config.LOG_LEVEL, redact: ['req.headers.authorization'], serializers }
  const forPeople = config.DATABASE_URL === undefined && process.stdout.isTTY && isInstalled('pino-pretty')
  if (!forPeople) return pino(options)
  const transport = { target: 'pino-pretty', options: { ignore: 'pid,hostname,reqId', translateTime: 'HH:MM:ss' } }
  return pino({ ...options, transport })
}

function isInstalled(name: string): boolean {
  try {
    return import.meta.resolve(name) !== ''
  } catch {
    return false
  }
}
