import { loadConfig } from '../config.ts'
import { createLogger, type Process, start } from '../main.ts'

/** Runs `work` with the service's parts and without its HTTP side and jobs. */
export async function offline<T>(environment: NodeJS.ProcessEnv, work: (parts: Process) => Promise<T>): Promise<T> {
  const config = { ...loadConfig(environment), LOG_LEVEL: 'warn' as const, DUNWELL_ROLES: 'none' as const }
  const parts = await start({ config, log: createLogger(config) })
  try {
    return await work(parts)
  } finally {
    await parts.stop()
  }
}
