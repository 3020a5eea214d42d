import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startThrowaway } from '../../src/db/embedded.ts'
import { headersFor } from '../../src/modules/webhooks/signature.ts'
import { generateSecret } from '../../src/modules/webhooks/signing-keys.ts'
import { begin, complete } from '../support/processes.ts'
import { blocksOf, root, theBlock } from './blocks.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dunwell-readme-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test('the first minute works as the README tells it', async () => {
  const port = String(await freePort())
  const serving = begin(theBlock('README.md', 'serve').text, {
    PORT: port,
    DUNWELL_DATA_DIR: join(folder, 'data'),
    DATABASE_URL: ''
  })
  const [, key = ''] = await serving.waitFor(/Key, shown once\s+(dw_test_\S+)/)
  const consumer = `${theBlock('README.md', 'consumer').text.trim().replace('dw_test_…', key)}`
  const options = `--service http://127.0.0.1:${port} --port 0 --memory ${join(folder, 'consumer.ndjson')}`
  const consuming = begin(`${consumer} ${options}`, {})
  await consuming.waitFor(/what +stage, tone/)
  const script = theBlock('README.md', 'shell').text.replace('dw_test_…', key).replaceAll(':3000', `:${port}`)
  const { code, output } = await complete(`set -e\n${script}`)
  await consuming.waitFor(/remind +second, firm +£1,250.00 +2026-001 +Acme Ltd \(en-GB\): Ada Smith <ada@acme.example>/)
  await consuming.stop()
  await serving.stop()
  expect(output).toContain('"number":"2026-001"')
  for (const stage of ['courtesy', 'reminder', 'second']) expect(output).toContain(`"${stage}"`)
  expect(output).not.toContain('urn:dunwell:problem')
  expect(code).toBe(0)
  expect(serving.output()).toContain('/docs')
  expect(serving.output()).toContain('"msg":"stopped"')
})

test('every other command of the documents is a script that exists', async () => {
  const { scripts } = JSON.parse(await readFile(`${root}/package.json`, 'utf8')) as { scripts: Record<string, string> }
  const commands = ['README.md', 'CONTRIBUTING.md', 'examples/README.md']
    .flatMap(blocksOf)
    .filter(({ kind }) => kind === 'elsewhere' || kind === 'consumer')
  const lines = commands.flatMap(({ text }) => text.trim().split('\n'))
  expect(lines.length).toBeGreaterThan(2)
  for (const line of lines) {
    const name = /^npm (?:run )?([\w:]+)/.exec(line)?.[1]
    expect(scripts, line).toHaveProperty([name ?? line])
  }
})

test('a database of your own is migrated and served', async () => {
  const server = await startThrowaway({ log: () => {} })
  try {
    const text = theBlock('README.md', 'database').text.replace(/postgres:\/\/\S+/, server.url)
    const serving = begin(`set -e\n${text}`, { PORT: '0' })
    await serving.waitFor(/"msg":"ready"/)
    expect(serving.output()).toContain('The schema is up to date.')
    await serving.stop()
    expect(serving.output()).toContain('"msg":"stopped"')
  } finally {
    await server.stop()
  }
})

const secret = generateSecret(randomBytes)
const body = JSON.stringify({ type: 'invoice.paid', timestamp: '2026-01-01T00:00:00Z', data: { object: { name: 'شرکت' } } })

function signed(): Record<string, string> {
  const timestampS = Math.floor(Date.now() / 1000)
  return { ...headersFor({ id: 'evt-1', timestampS, body: Buffer.from(body), secrets: [secret] }) }
}

test('the TypeScript that verifies a webhook does, and refuses a changed one', async () => {
  const file = join(root, 'test', 'docs', `readme-${process.pid}.ts`)
  await writeFile(file, theBlock('README.md', 'typescript').text)
  try {
    const { verify } = (await import(file)) as { verify: (secret: string, headers: object, body: string) => { type: string } }
    expect(verify(secret, signed(), body).type).toBe('invoice.paid')
    expect(() => verify(secret, signed(), body.replace('paid', 'Paid'))).toThrow()
  } finally {
    await rm(file)
  }
})

test('the composition starts, makes an organization and stops', async (context) => {
  const { code } = await complete('docker info && docker compose version')
  if (code !== 0) context.skip('no Docker engine with compose answers here')
  const text = theBlock('README.md', 'docker').text
  const { code: ran, output } = await complete(`set -e\n${text}`, { COMPOSE_PROJECT_NAME: `dunwell-readme-${process.pid}` })
  await complete('docker compose down --volumes', {
    COMPOSE_PROJECT_NAME: `dunwell-readme-${process.pid}`,
    ...{ POSTGRES_PASSWORD: 'x', OWNER_PASSWORD: 'x', SERVICE_PASSWORD: 'x', BACKUP_PASSWORD: 'x' },
    DUNWELL_OPERATOR_TOKEN: 'x',
    DUNWELL_SECRET_KEY: 'x'
  })
  expect(output).toContain('dw_live_')
  expect(ran).toBe(0)
})
