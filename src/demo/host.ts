import { randomBytes } from 'node:crypto'
import { destination, pino } from 'pino'
import { loadConfig } from '../config.ts'
import { startThrowaway } from '../db/embedded.ts'
import { start } from '../main.ts'

/** The service in this process. `operatorToken` makes organizations. */
export type Host = Readonly<{ url: string; operatorToken: string; stop: () => Promise<void> }>

/**
 * Starts the whole service as `serve` does, on a free port of the loopback interface, and lets it deliver to that interface. Its
 * database is a PostgreSQL of its own that is deleted at the end, unless `databaseUrl` names one.
 */
export async function startHost({ databaseUrl }: { databaseUrl?: string } = {}): Promise<Host> {
  const server = databaseUrl === undefined ? await startThrowaway({ log: () => {} }) : { url: databaseUrl, stop: async () => {} }
  const operatorToken = randomBytes(24).toString('hex')
  const config = loadConfig({
    DATABASE_URL: server.url,
    DUNWELL_SECRET_KEY: randomBytes(32).toString('hex'),
    DUNWELL_OPERATOR_TOKEN: operatorToken,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'warn',
    DUNWELL_RATE_LIMIT: '0',
    DUNWELL_ORGANIZATION_RATE_LIMIT: '0'
  })
  try {
    // Standard output is the report's.
    const service = await start({ config, log: pino({ level: config.LOG_LEVEL }, destination(2)), isDevelopment: true })
    if (service.url === undefined) throw new Error('The service listens nowhere.')
    const stop = async () => {
      await service.stop()
      await server.stop()
    }
    return { url: service.url, operatorToken, stop }
  } catch (error) {
    await server.stop()
    throw error
  }
}
