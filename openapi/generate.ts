import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { createDatabase } from '../src/db/client.ts'
import { newId } from '../src/ids.ts'
import { systemClock as clock } from '../src/kernel/clock.ts'
import { createSecretBox } from '../src/modules/webhooks/secret-box.ts'
import { createServices, wakeNobody } from '../src/services.ts'
import { webhookSettings } from '../src/webhook-settings.ts'

/** Writes the OpenAPI document, or with `--check` says whether the committed one is what the code would write. */
const target = new URL('./openapi.json', import.meta.url)
// Composed as a process composes it; nothing connects until a query runs, and none does here.
const database = createDatabase({ url: 'postgres://127.0.0.1:1/none' })
const secretBox = createSecretBox([randomBytes(32)])
const settings = webhookSettings(loadConfig({}), { isDevelopment: false })
const services = createServices({
  database,
  clock,
  newId,
  randomBytes,
  random: Math.random,
  secretBox,
  wake: wakeNobody,
  ...settings
})
const seal = { seal: (text: string) => text, open: (text: string) => text }
const app = await buildApp({
  services,
  database,
  clock,
  newId,
  seal,
  isFit: async () => {},
  logger: false,
  operatorToken: undefined,
  limits: { itemsPerKey: 0, itemsPerOrganization: 0, wrongPerAddress: 0 }
})
await app.ready()
const text = `${JSON.stringify(app.swagger(), null, 2)}\n`
await app.close()
await database.close()
if (process.argv.includes('--check')) {
  const committed = await readFile(target, 'utf8').catch(() => '')
  if (committed !== text) {
    console.error('openapi/openapi.json is stale: run npm run openapi and commit the result.')
    process.exitCode = 1
  }
} else {
  await writeFile(target, text)
}
