import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { DatabaseUnavailable, sqlStateOf } from './errors.ts'

const CONNECT_MS = 5_000
/** Another client of a busy pooler may get another connection of its than the one that is looked for. */
const LOOKS = 10
const NO_STATEMENT = '26000'

const selectSelf = `select pg_backend_pid() as pid, exists (select from pg_prepared_statements where name = $1) as "isByName"`
type Self = { pid: number; isByName: boolean }

/**
 * Whether what stands between this process and its database lets it work: a transaction stays on one connection, and a statement that
 * one transaction prepares can be run by name in the next.
 * @returns what asks. It rejects with the setting that is missing. A server that answers itself is asked once.
 */
export function createPoolerCheck(url: string): () => Promise<void> {
  let isDirect = false
  return async () => {
    if (isDirect) return
    await connected(url, async (client) => {
      // A pooler makes up the number by which a client asks to be cancelled. A server takes that of its process.
      const self = await runNamed(client, randomUUID())
      isDirect = self.pid === (client as unknown as { processID: number }).processID
      if (!isDirect && self.isByName && (await isForgetful(client, url))) throw forgetfulness(url)
    })
  }
}

/** Runs a statement by name, in a transaction of its own. It is prepared where this client did not do so before. */
async function runNamed(client: pg.Client, name: string): Promise<Self> {
  try {
    await client.query('begin')
    const { rows } = await client.query<Self>({ name, text: selectSelf, values: [name] })
    await client.query('commit')
    return rows[0] ?? { pid: 0, isByName: false }
  } catch (error) {
    // So does PgBouncer name its mode when it refuses `begin`. As a cause, its error would say that the database does not answer.
    const isPerStatement = error instanceof Error && error.message.includes('statement pooling')
    throw isPerStatement ? new Error(`Set pool_mode of the pooler to transaction: ${error.message}.`) : error
  }
}

/** Whether a client's statement is missing where its next transaction is, or is there where another client's is. */
async function isForgetful(client: pg.Client, url: string): Promise<boolean> {
  return connected(url, async (other) => {
    for (let look = 1; look <= LOOKS; look++) {
      const name = randomUUID()
      await runNamed(client, name)
      if (!(await isThere(runNamed(client, name))) || (await isThere(other.query(`deallocate "${name}"`)))) return true
    }
    return false
  })
}

async function isThere(used: Promise<unknown>): Promise<boolean> {
  try {
    await used
    return true
  } catch (error) {
    if (sqlStateOf(error) === NO_STATEMENT) return false
    throw error
  }
}

/** The sentence for a statement that was prepared and is not there; undefined for another failure. */
export function forgetfulnessIn(error: unknown, url: string): Error | undefined {
  return sqlStateOf(error) === NO_STATEMENT ? forgetfulness(url) : undefined
}

function forgetfulness(url: string): Error {
  const { hostname, port } = new URL(url)
  const sentence = `The pooler at ${hostname}:${port || 5432} (DATABASE_URL) does not keep prepared statements for its clients.`
  const advice = 'Set max_prepared_statements of PgBouncer, 1.21 or later, to 500; or its pool_mode to session.'
  return new Error(`${sentence} ${advice}`)
}

async function connected<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const limits = { connectionTimeoutMillis: CONNECT_MS, query_timeout: CONNECT_MS }
  const client = new pg.Client({ connectionString, application_name: 'dunwell', ...limits })
  // A connection that breaks fails its queries. Without a listener the process would end.
  client.on('error', () => undefined)
  await client.connect().catch((error: unknown) => Promise.reject(new DatabaseUnavailable(error)))
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
