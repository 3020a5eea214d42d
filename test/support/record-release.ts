import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { runCommand } from '../../src/commands/command.ts'
import { startThrowaway } from '../../src/db/embedded.ts'
import { runMigrations } from '../../src/db/migrate.ts'
import { migrationsFolder } from '../../src/main.ts'
import { presentRelease, releasesFolder } from './releases.ts'

const usage = `Writes down what this version asks of its schema, for the versions after it.

usage: npm run record:release
`

async function main(argv: string[]): Promise<number> {
  parseArgs({ args: argv, options: {} })
  const server = await startThrowaway({ log: () => {} })
  try {
    await runMigrations({ connectionString: server.url, migrationsFolder })
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    const release = await presentRelease(client)
    await client.end()
    await mkdir(releasesFolder, { recursive: true })
    const file = join(releasesFolder, `${release.version}.json`)
    await writeFile(file, `${JSON.stringify(release, null, 2)}\n`)
    console.log(`${file}: ${Object.keys(release.statements).length} statements, ${release.migrations} migrations`)
    return 0
  } finally {
    await server.stop()
  }
}

process.exitCode = await runCommand({ usage, run: main }, process.argv.slice(2), {})
