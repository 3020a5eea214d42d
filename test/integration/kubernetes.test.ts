import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { root, theBlock } from '../docs/blocks.ts'
import { startApp } from '../support/app.ts'
import { faultsOf, type Known, type Manifest, parseManifests, readBase } from '../support/kubernetes.ts'
import { complete } from '../support/processes.ts'

const FOLDER = 'deploy/kubernetes'
/** What a client that is slow to send is given, of which `src/http/drain.ts` tells. */
const SLOW_CLIENT_SECONDS = 5

let known: Known
let base: Manifest[]
beforeAll(async () => {
  await using service = await startApp()
  const answered = await Promise.all(
    ['/livez', '/readyz'].map(async (url) => ((await service.app.inject({ method: 'GET', url })).statusCode === 200 ? [url] : []))
  )
  const [, port] = /^EXPOSE (\d+)$/m.exec(await readFile(join(root, 'Dockerfile'), 'utf8')) ?? []
  known = {
    image: /^dunwell$/,
    port: Number(port),
    paths: new Set(answered.flat()),
    secrets: secretsOf(theBlock(`${FOLDER}/README.md`, 'secrets').text),
    drainSeconds: loadConfig({}).DUNWELL_WEBHOOK_TIMEOUT_MAX_MS / 1_000 + SLOW_CLIENT_SECONDS
  }
  base = await readBase(FOLDER)
})

/** The keys that the instructions give each secret. */
function secretsOf(commands: string): Record<string, string[]> {
  const made = commands.split('kubectl create secret generic ').slice(1)
  return Object.fromEntries(
    made.map((command) => [
      command.split(/\s/, 1)[0],
      [...command.matchAll(/--from-literal=([\w-]+)=/g)].map(([, key = '']) => key)
    ])
  )
}

test('the base names settings, secrets, probes, ports, commands and pods that exist, and gives a pod the time that it needs to stop', () => {
  expect(Object.keys(known.secrets)).toEqual(['dunwell-owner', 'dunwell'])
  expect(faultsOf(base, known)).toEqual([])
})

test('the settings of the base are ones that a process starts with', () => {
  const data = base.find(({ kind }) => kind === 'ConfigMap')?.data
  const given = { DATABASE_URL: 'postgres://db.example.com/dunwell', DUNWELL_SECRET_KEY: '5a'.repeat(32) }
  expect(loadConfig({ ...data, ...given })).toMatchObject({ DUNWELL_MIGRATE_ON_START: false, DUNWELL_ROLES: 'all' })
})

/** One that is no longer found here would let a base pass that is wrong. */
test.each([
  ['DUNWELL_MIGRATE_ON_START', 'DUNWELL_MIGRATE', 'There is no setting DUNWELL_MIGRATE.'],
  ['DUNWELL_METRICS_TOKEN_FILE', 'LOG_LEVEL_FILE', 'dunwell: no file is read for LOG_LEVEL.'],
  ['dunwell/operator-token', 'dunwell/token', 'dunwell: nothing makes /run/secrets/dunwell/token.'],
  ['"secretName":"dunwell-owner"', '"secretName":"owner"', 'migrate: nothing makes /run/secrets/owner/database-url.'],
  ['"args":["migrate"]', '"args":["upgrade"]', 'migrate: there is no command upgrade.'],
  ['"image":"dunwell"', '"image":"dunwel"', 'migrate: dunwel is not the image.'],
  ['"path":"/readyz"', '"path":"/ready"', 'dunwell: readinessProbe asks where nothing answers.'],
  ['"port":"http"}', '"port":"web"}', 'dunwell: startupProbe asks on a port that it has not.'],
  ['"containerPort":3000', '"containerPort":8080', 'dunwell: it listens on 3000.'],
  ['"targetPort":"http"', '"targetPort":"web"', 'Service: no pod has the port web.'],
  ['"terminationGracePeriodSeconds":60', '"terminationGracePeriodSeconds":30', 'dunwell: it may need 40 s to stop.'],
  ['"limits":{"memory":"768Mi"}', '"limits":{}', 'dunwell: its memory has no limit.'],
  ['"readOnlyRootFilesystem":true,', '', 'migrate: readOnlyRootFilesystem is not set.'],
  ['"runAsNonRoot":true', '"runAsNonRoot":false', 'The pod may run as root.'],
  ['"minAvailable":1', '"minAvailable":2', 'The budget lets no node be drained.'],
  [
    '"selector":{"matchLabels":{"app.kubernetes.io/name":"dunwell"}},"minAvailable"',
    '"minAvailable"',
    'PodDisruptionBudget: it selects no pod.'
  ]
])('with %s changed to %s the base is found wrong', (from, to, fault) => {
  const text = JSON.stringify(base)
  expect(text).toContain(from)
  expect(faultsOf(JSON.parse(text.replace(from, to)) as Manifest[], known)).toContain(fault)
})

let folder = ''
afterAll(() => rm(folder, { recursive: true, force: true }))

test('kubectl renders the base, and the overlay of the instructions, with nothing that does not exist', async (context) => {
  const { code } = await complete('kubectl kustomize --help')
  if (code !== 0) context.skip('no kubectl here')
  const rendered = await complete(`kubectl kustomize ${FOLDER}`)
  expect(rendered).toMatchObject({ code: 0 })
  expect(faultsOf(parseManifests(rendered.output), known)).toEqual([])
  folder = await mkdtemp(join(root, 'node_modules', '.overlay-'))
  const overlay = theBlock(`${FOLDER}/README.md`, 'overlay').text
  await writeFile(
    join(folder, 'kustomization.yaml'),
    overlay.replace('../dunwell/deploy/kubernetes', relative(folder, join(root, FOLDER)))
  )
  const overlaid = await complete(`kubectl kustomize ${folder}`)
  expect(overlaid).toMatchObject({ code: 0 })
  const manifests = parseManifests(overlaid.output)
  expect(faultsOf(manifests, { ...known, image: /^registry\.example\.com\/dunwell@sha256:0{64}$/ })).toEqual([])
  expect(manifests.find(({ kind }) => kind === 'ConfigMap')?.data).toMatchObject({
    DUNWELL_MIGRATE_ON_START: 'false',
    DUNWELL_TRUSTED_PROXIES: '10.0.0.0/8'
  })
  for (const { metadata } of manifests) expect(metadata.namespace).toBe('receivables')
})
