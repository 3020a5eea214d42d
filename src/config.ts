import { readFileSync } from 'node:fs'
import { envSchema } from 'env-schema'
import ipaddr from 'ipaddr.js'
import { validate } from 'node-cron'
import { type Static, Type } from 'typebox'

const Hex32 = '^[0-9a-fA-F]{64}$'

/** A lease outlives the longest attempt by a margin. */
const LEASE = { timeoutMs: 30_000, marginMs: 20_000, leaseMs: 60_000 } as const

/** Every setting, once: the type, the defaults, the check and the table in the README come from it. */
export const configSchema = Type.Object({
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'PostgreSQL 15 or later. Without it the development server in .dunwell/ is used, never in the image'
    })
  ),
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65535, description: 'Port to listen on; 0 takes a free one' }),
  LOG_LEVEL: Type.Unsafe<'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'>({
    type: 'string',
    enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    description: 'How much is logged'
  }),
  DUNWELL_ROLES: Type.Unsafe<'all' | 'api' | 'worker'>({
    type: 'string',
    enum: ['all', 'api', 'worker'],
    default: 'all',
    description: 'What this process does: answer HTTP, run sweeps and deliveries, or both'
  }),
  DUNWELL_OPERATOR_TOKEN: Type.Optional(
    Type.String({
      minLength: 24,
      description: 'Lets POST /v1/organizations make organizations; without it only the command line does'
    })
  ),
  DUNWELL_SECRET_KEY: Type.Optional(
    Type.String({
      pattern: Hex32,
      description:
        '32 bytes as hex that seal the secrets and headers of webhook endpoints at rest. Needed with DATABASE_URL; the development server makes its own'
    })
  ),
  DUNWELL_OTHER_SECRET_KEYS: Type.String({
    default: '',
    pattern: '^([0-9a-fA-F]{64}(,[0-9a-fA-F]{64})*)?$',
    description: 'Keys that open what they have sealed, comma separated: the former one, or the next, while the key is changed'
  }),
  DUNWELL_DATA_DIR: Type.String({ default: '.dunwell', description: 'Where the development server keeps its data' }),
  DUNWELL_DATABASE_CONNECTIONS: Type.Integer({
    default: 10,
    minimum: 2,
    maximum: 200,
    description: 'Connections of this process'
  }),
  DUNWELL_ORGANIZATION_CONNECTIONS: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 200,
      description: 'How many of them one organization’s requests use at a time while others ask, too; half unless set'
    })
  ),
  DUNWELL_MIGRATE_ON_START: Type.Boolean({ default: true, description: 'Bring the schema up to date before starting' }),
  DUNWELL_RATE_LIMIT: Type.Integer({
    default: 60000,
    minimum: 0,
    maximum: 1000000,
    description: 'Items per key and minute in this process: a request is one, a batch as many as it has; 0 is no limit'
  }),
  DUNWELL_ORGANIZATION_RATE_LIMIT: Type.Integer({
    default: 120000,
    minimum: 0,
    maximum: 10000000,
    description: 'Items per organization and minute in this process, of all its keys together; 0 is no limit'
  }),
  DUNWELL_WRONG_ATTEMPTS_LIMIT: Type.Integer({
    default: 120,
    minimum: 0,
    maximum: 1000000,
    description: 'Wrong keys, tokens and paths per address and minute in this process; 0 is no limit'
  }),
  DUNWELL_TRUSTED_PROXIES: Type.String({
    default: '',
    description:
      'Address ranges (CIDR, comma separated) of proxies in front: where a request comes from is what they say. Without it, all that comes through a proxy has its address'
  }),
  DUNWELL_METRICS_TOKEN: Type.Optional(
    Type.String({ minLength: 16, description: 'Bearer token for /metrics (Prometheus); without it there is no such page' })
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description:
        'Collector of traces, OTLP over HTTP as JSON, as in http://127.0.0.1:4318; without it nothing is traced. Other variables of OpenTelemetry (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS…) hold, too'
    })
  ),
  DUNWELL_DOCS: Type.Boolean({ default: true, description: 'Show the API in the browser, at /docs' }),
  DUNWELL_SWEEP_CRON: Type.String({ default: '* * * * *', description: 'When the sweep runs, cron expression in UTC' }),
  DUNWELL_ALLOW_HTTP_WEBHOOKS: Type.Boolean({ default: false, description: 'Take endpoints with http: for development' }),
  DUNWELL_WEBHOOK_ALLOW: Type.String({
    default: '',
    description: 'Address ranges (CIDR, comma separated) that endpoints may have though they are not public'
  }),
  DUNWELL_WEBHOOK_PORTS: Type.String({
    default: '443,8443',
    pattern: '^(any|[0-9]{1,5}(,[0-9]{1,5})*)$',
    description: 'Ports that endpoints may have, comma separated, or any; 80 too where http is allowed'
  }),
  DUNWELL_ATTEMPTS_KEPT_DAYS: Type.Integer({
    default: 30,
    minimum: 8,
    maximum: 3650,
    description: 'How long the attempts of deliveries are kept; whole months go at a time'
  }),
  DUNWELL_EVENT_BODIES_KEPT_DAYS: Type.Integer({
    default: 90,
    minimum: 8,
    maximum: 3650,
    description: 'How long the bodies of events are kept; their record, with the hash of the body, stays'
  }),
  DUNWELL_WEBHOOK_CONCURRENCY: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 1000,
    description: 'Deliveries in flight in this process'
  }),
  DUNWELL_WEBHOOK_LEASE_MS: Type.Integer({
    default: LEASE.leaseMs,
    minimum: 1000,
    maximum: 600000,
    description: 'After how long a dead process’s deliveries are taken over'
  }),
  DUNWELL_WEBHOOK_LEASE_MARGIN_MS: Type.Integer({
    default: LEASE.marginMs,
    minimum: 100,
    maximum: 60000,
    description: 'How much longer than the longest attempt a lease must be'
  }),
  DUNWELL_WEBHOOK_TIMEOUT_MAX_MS: Type.Integer({
    default: LEASE.timeoutMs,
    minimum: 100,
    maximum: 30000,
    description: 'The longest that an attempt may take'
  }),
  DUNWELL_WEBHOOK_SCHEDULE_SCALE: Type.Number({
    default: 1,
    minimum: 0.000001,
    maximum: 1,
    description: 'Shrinks the retry schedule and the circuit’s times, for fault runs'
  })
})

/** Settings that may be given by a file instead, which the variable with `_FILE` after the name names: secrets that a platform mounts. */
export const secretSettings = [
  'DATABASE_URL',
  'DUNWELL_OPERATOR_TOKEN',
  'DUNWELL_SECRET_KEY',
  'DUNWELL_OTHER_SECRET_KEYS',
  'DUNWELL_METRICS_TOKEN'
] as const satisfies readonly (keyof typeof configSchema.properties)[]

type Environment = Readonly<Record<string, string | undefined>>

/** The environment with what the files hold in the place of the variables that name them. */
function withFiles(environment: Environment): { settings: Record<string, string | undefined>; problems: string[] } {
  const settings = { ...environment }
  const problems: string[] = []
  for (const name of secretSettings) {
    const file = settings[`${name}_FILE`]
    delete settings[`${name}_FILE`]
    if (file === undefined || file === '') continue
    if (settings[name] !== undefined && settings[name] !== '')
      problems.push(`${name}: is given twice, by itself and by ${name}_FILE`)
    try {
      settings[name] = readFileSync(file, 'utf8').trim()
      if (settings[name] === '') problems.push(`${name}_FILE: ${file} is empty`)
    } catch (error) {
      problems.push(`${name}_FILE: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { settings, problems }
}

/** For what uses the database alone, without a secret key. @throws Error where there is none. */
export function databaseUrlOf(environment: Environment): string {
  const { settings, problems } = withFiles(environment)
  const url = settings['DATABASE_URL'] ?? ''
  if (url === '' || problems.length > 0) throw wrong([...problems, ...(url === '' ? ['DATABASE_URL: is required'] : [])])
  return url
}

/** Address ranges, as `DUNWELL_WEBHOOK_ALLOW` lists them. */
export function rangesOf(listed: string): string[] {
  return listed
    .split(',')
    .map((range) => range.trim())
    .filter((range) => range !== '')
}

/** The keys in `DUNWELL_OTHER_SECRET_KEYS`. */
export function otherKeysOf(listed: string): string[] {
  return listed === '' ? [] : listed.split(',')
}

/** The environment of this process. Everything else is handed what it needs of it. */
export const processEnvironment = (): NodeJS.ProcessEnv => process.env

export type Config = Readonly<Static<typeof configSchema>>

/**
 * @param environment only this is read: `env: false` keeps env-schema from merging the process's own into it.
 * @throws Error with one line per missing or wrong variable.
 */
export function loadConfig(environment: Environment): Config {
  const { settings, problems } = withFiles(environment)
  const known = new Set(Object.keys(configSchema.properties))
  const unknown = Object.keys(settings).filter((name) => name.startsWith('DUNWELL_') && !known.has(name))
  problems.push(...unknown.map((name) => `${name}: there is no such setting`))
  const data = Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => known.has(name) && value !== undefined && value !== '')
  )
  problems.push(...conflicts(data))
  try {
    const config = envSchema<Static<typeof configSchema>>({ schema: configSchema, data, dotenv: false, env: false })
    if (problems.length === 0) return Object.freeze(config)
  } catch (error) {
    problems.push(...problemsOf(error))
  }
  throw wrong(problems)
}

function wrong(problems: readonly string[]): Error {
  return new Error(`The environment is not right:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
}

type AjvError = { instancePath: string; message?: string; params: { allowedValues?: unknown[] } }

function problemsOf(error: unknown): string[] {
  const errors = error instanceof Error && 'errors' in error ? (error.errors as AjvError[]) : undefined
  if (errors === undefined) return [String(error)]
  return errors.map(({ instancePath, message, params }) => {
    const allowed = params.allowedValues === undefined ? '' : `: ${params.allowedValues.join(', ')}`
    return `${instancePath.slice(1) || 'environment'}: ${message ?? 'is not valid'}${allowed}`
  })
}

/** What the schema cannot say. Read from the text as it is, so that it is told together with what the schema says. */
function conflicts(data: Environment): string[] {
  const problems: string[] = []
  if (data['DATABASE_URL'] !== undefined && data['DUNWELL_SECRET_KEY'] === undefined) {
    problems.push('DUNWELL_SECRET_KEY: is required with DATABASE_URL (make one with: openssl rand -hex 32)')
  }
  const cron = data['DUNWELL_SWEEP_CRON']
  if (cron !== undefined && !validate(cron)) problems.push(`DUNWELL_SWEEP_CRON: ${cron} is not a cron expression`)
  for (const name of ['DUNWELL_WEBHOOK_ALLOW', 'DUNWELL_TRUSTED_PROXIES']) {
    for (const range of rangesOf(data[name] ?? '')) {
      if (!ipaddr.isValidCIDR(range)) problems.push(`${name}: ${range} is not an address range such as 10.1.0.0/16`)
    }
  }
  const { timeoutMs, marginMs, leaseMs } = LEASE
  const leaseMinMs =
    Number(data['DUNWELL_WEBHOOK_TIMEOUT_MAX_MS'] ?? timeoutMs) + Number(data['DUNWELL_WEBHOOK_LEASE_MARGIN_MS'] ?? marginMs)
  if (Number(data['DUNWELL_WEBHOOK_LEASE_MS'] ?? leaseMs) < leaseMinMs) {
    problems.push(
      `DUNWELL_WEBHOOK_LEASE_MS: must be at least ${leaseMinMs}, the longest attempt and the margin, or a live attempt could be taken over`
    )
  }
  return problems
}
