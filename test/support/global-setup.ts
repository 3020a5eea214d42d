import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startThrowaway } from '../../src/db/embedded.ts'
import { runMigrations } from '../../src/db/migrate.ts'
import { withDatabase } from './database.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    adminUrl: string
    templateName: string
  }
}

type Server = { url: string; origin: string; stop: () => Promise<void> }

const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))

/** One server and one migrated template for the whole run; each test file clones the template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await provideServer()
  try {
    const templateName = `dunwell_template_${randomBytes(5).toString('hex')}`
    const version = await administer(server.url, async (admin) => {
      await admin.query(`create database ${templateName}`)
      const { rows } = await admin.query<{ server_version: string }>('show server_version')
      return rows[0]?.server_version
    })
    await runMigrations({ connectionString: withDatabase(server.url, templateName), migrationsFolder })
    console.log(`Database: PostgreSQL ${version}, ${server.origin}`)
    project.provide('adminUrl', server.url)
    project.provide('templateName', templateName)
    return async () => {
      await administer(server.url, (admin) => admin.query(`drop database if exists ${templateName} with (force)`))
      await server.stop()
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function administer<T>(connectionString: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

/** A server that is there already wins, then Docker, and the embedded one needs nothing at all. */
async function provideServer(): Promise<Server> {
  const url = process.env['TEST_DATABASE_URL']
  if (url !== undefined && url !== '') return { url, origin: 'named by TEST_DATABASE_URL', stop: async () => {} }
  if (await isDockerRunning()) return startContainer()
  const { url: embeddedUrl, stop } = await startThrowaway({ log: () => {} })
  return { url: embeddedUrl, origin: 'embedded (no TEST_DATABASE_URL, no Docker engine)', stop }
}

async function isDockerRunning(): Promise<boolean> {
  const asked = promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 3000 })
  return asked.then(
    ({ stdout }) => stdout.trim() !== '',
    () => false
  )
}

async function startContainer(): Promise<Server> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql')
  // The data is thrown away, so nothing waits for the disk.
  const command = [
    'postgres',
    '-c',
    'fsync=off',
    '-c',
    'full_page_writes=off',
    '-c',
    'synchronous_commit=off',
    '-c',
    'max_connections=200'
  ]
  const container = await new PostgreSqlContainer('postgres:17-alpine').withCommand(command).start()
  return {
    url: container.getConnectionUri(),
    origin: 'testcontainers, postgres:17-alpine',
    stop: async () => {
      await container.stop()
    }
  }
}
