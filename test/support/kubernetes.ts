import { readFile } from 'node:fs/promises'
import { parse, parseAllDocuments } from 'yaml'
import { commands } from '../../src/commands/commands.ts'
import { configSchema, secretSettings } from '../../src/config.ts'
import { root } from '../docs/blocks.ts'

type Labels = Readonly<Record<string, string>>
type Probe = Readonly<{ httpGet: Readonly<{ path: string; port: string | number }> }>
type Container = Readonly<{
  name: string
  image: string
  args: readonly string[]
  env?: readonly Readonly<{ name: string; value: string }>[]
  envFrom?: readonly Readonly<{ configMapRef: Readonly<{ name: string }> }>[]
  volumeMounts?: readonly Readonly<{ name: string; mountPath: string; readOnly?: boolean }>[]
  ports?: readonly Readonly<{ name: string; containerPort: number }>[]
  startupProbe?: Probe
  livenessProbe?: Probe
  readinessProbe?: Probe
  lifecycle?: Readonly<{ preStop: Readonly<{ sleep: Readonly<{ seconds: number }> }> }>
  resources?: Readonly<{ limits?: Readonly<{ memory?: string }> }>
  securityContext?: Readonly<Record<string, unknown>>
}>
type Pod = Readonly<{
  initContainers: readonly Container[]
  containers: readonly Container[]
  volumes: readonly Readonly<{ name: string; secret: Readonly<{ secretName: string }> }>[]
  terminationGracePeriodSeconds: number
  securityContext: Readonly<Record<string, unknown>>
}>

/** What is read of any object of the base. */
export type Manifest = Readonly<{
  kind: string
  metadata: Readonly<{ name: string; namespace?: string; labels?: Labels }>
  data?: Readonly<Record<string, string>>
  spec?: Readonly<{
    replicas?: number
    minAvailable?: number
    selector?: Labels & Readonly<{ matchLabels?: Labels }>
    ports?: readonly Readonly<{ targetPort: string }>[]
    template?: Readonly<{ metadata: Readonly<{ labels: Labels }>; spec: Pod }>
  }>
}>

type Kustomization = Readonly<{
  resources: readonly string[]
  configMapGenerator: readonly Readonly<{ name: string; literals: readonly string[] }>[]
}>

export const parseManifests = (text: string): Manifest[] => parseAllDocuments(text).map((document) => document.toJS() as Manifest)

/** What `kubectl kustomize` renders of a base without transformers, but for the hashes in the names of generated objects. */
export async function readBase(folder: string): Promise<Manifest[]> {
  const read = (name: string) => readFile(`${root}/${folder}/${name}`, 'utf8')
  const { resources, configMapGenerator } = parse(await read('kustomization.yaml')) as Kustomization
  const manifests = (await Promise.all(resources.map(read))).flatMap(parseManifests)
  const generated = configMapGenerator.map(({ name, literals }) => ({
    kind: 'ConfigMap',
    metadata: { name },
    data: Object.fromEntries(literals.map((literal) => [literal.split('=', 1)[0], literal.slice(literal.indexOf('=') + 1)]))
  }))
  return [...manifests, ...generated]
}

/** What the manifests must agree with. */
export type Known = Readonly<{
  image: RegExp
  port: number
  /** Answered by the service without a key. */
  paths: ReadonlySet<string>
  /** The keys of each secret that the instructions make. */
  secrets: Readonly<Record<string, readonly string[]>>
  /** For how long a process may drain. */
  drainSeconds: number
}>

/** Where the manifests do not fit together, or name what does not exist. */
export function faultsOf(manifests: readonly Manifest[], known: Known): string[] {
  const [deployment, second] = manifests.filter(({ kind }) => kind === 'Deployment')
  const template = deployment?.spec?.template
  if (template === undefined || second !== undefined) return ['There must be one Deployment.']
  const pod = template.spec
  return [
    ...pod.initContainers.concat(pod.containers).flatMap((container) => faultsOfContainer(container, pod, known)),
    ...pod.containers.flatMap((container) => faultsOfServing(container, pod, known)),
    ...manifests.flatMap(faultsOfSettings),
    ...faultsOfSelectors(manifests, template.metadata.labels),
    ...manifests.flatMap(({ kind, spec }) =>
      kind === 'PodDisruptionBudget' && (spec?.minAvailable ?? 0) >= (deployment?.spec?.replicas ?? 0)
        ? ['The budget lets no node be drained.']
        : []
    ),
    ...unless(pod.securityContext['runAsNonRoot'] === true, 'The pod may run as root.')
  ]
}

const unless = (isRight: boolean, fault: string) => (isRight ? [] : [fault])
const isSetting = (name: string) => Object.hasOwn(configSchema.properties, name)
const secretNames: readonly string[] = secretSettings

function faultsOfContainer(container: Container, { volumes }: Pod, { image, secrets }: Known): string[] {
  const { name, args, env = [], volumeMounts = [], resources, securityContext } = container
  const command = args[0] ?? ''
  return [
    ...unless(image.test(container.image), `${name}: ${container.image} is not the image.`),
    ...unless(Object.hasOwn(commands, command), `${name}: there is no command ${command}.`),
    ...unless(resources?.limits?.memory !== undefined, `${name}: its memory has no limit.`),
    ...['readOnlyRootFilesystem', 'capabilities'].flatMap((what) =>
      unless(securityContext?.[what] !== undefined, `${name}: ${what} is not set.`)
    ),
    ...env.flatMap(({ name: variable, value }) => {
      const setting = variable.replace(/_FILE$/, '')
      if (setting === variable) return unless(isSetting(variable), `${name}: there is no setting ${variable}.`)
      const mount = volumeMounts.find(({ mountPath }) => value.startsWith(`${mountPath}/`))
      const volume = volumes.find((candidate) => candidate.name === mount?.name)
      const keys = secrets[volume?.secret.secretName ?? ''] ?? []
      return [
        ...unless(secretNames.includes(setting), `${name}: no file is read for ${setting}.`),
        ...unless(keys.includes(value.slice((mount?.mountPath.length ?? 0) + 1)), `${name}: nothing makes ${value}.`)
      ]
    })
  ]
}

function faultsOfServing({ name, ports = [], ...container }: Container, pod: Pod, known: Known): string[] {
  const { startupProbe, livenessProbe, readinessProbe, lifecycle } = container
  const needed = known.drainSeconds + (lifecycle?.preStop.sleep.seconds ?? 0)
  return [
    ...unless(
      ports.some(({ containerPort }) => containerPort === known.port),
      `${name}: it listens on ${known.port}.`
    ),
    ...Object.entries({ startupProbe, livenessProbe, readinessProbe }).flatMap(([kind, probe]) => [
      ...unless(known.paths.has(probe?.httpGet.path ?? ''), `${name}: ${kind} asks where nothing answers.`),
      ...unless(
        ports.some((port) => port.name === probe?.httpGet.port),
        `${name}: ${kind} asks on a port that it has not.`
      )
    ]),
    ...unless(pod.terminationGracePeriodSeconds >= needed, `${name}: it may need ${needed} s to stop.`)
  ]
}

function faultsOfSettings({ kind, data = {} }: Manifest): string[] {
  return kind !== 'ConfigMap' ? [] : Object.keys(data).flatMap((name) => unless(isSetting(name), `There is no setting ${name}.`))
}

function faultsOfSelectors(manifests: readonly Manifest[], labels: Labels): string[] {
  const selecting = manifests.filter(({ kind }) => ['Deployment', 'Service', 'PodDisruptionBudget'].includes(kind))
  const names = manifests.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name)
  const containers = manifests.flatMap(({ spec }) => spec?.template?.spec.containers ?? [])
  return [
    ...selecting.flatMap(({ kind, spec }) => {
      const wanted = Object.entries(spec?.selector?.matchLabels ?? spec?.selector ?? {})
      return unless(wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value), `${kind}: it selects no pod.`)
    }),
    ...selecting
      .flatMap(({ spec }) => spec?.ports ?? [])
      .flatMap(({ targetPort }) =>
        unless(
          containers.some(({ ports = [] }) => ports.some(({ name }) => name === targetPort)),
          `Service: no pod has the port ${targetPort}.`
        )
      ),
    ...containers
      .flatMap(({ envFrom = [] }) => envFrom)
      .flatMap(({ configMapRef: { name } }) => unless(names.includes(name), `There is no ConfigMap ${name}.`))
  ]
}
