// Begins every npm script, so that each works on a fresh clone: installs when node_modules is missing or belongs to another lock file,
// and says so where the script would run on a Node that is too old. Part of the script and no `pre` script, which npm leaves out where
// it was told to run no scripts of packages. With --omit=dev what is only for development may be missing. CommonJS, because the host's Node, which may be old, runs it before the project's own exists.
const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')

/** The reason to install, or undefined when what is installed is what package-lock.json says. */
function reason() {
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  let installed
  try {
    installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages
  } catch {
    return 'node_modules is missing'
  }
  const isOmitted = process.argv.includes('--omit=dev')
  for (const [path, { version, optional, devOptional, dev }] of Object.entries(wanted)) {
    if (path === '') continue
    const found = installed[path]
    // Binaries for other platforms are optional and rightly absent.
    if (found === undefined && (optional || devOptional || (dev && isOmitted))) continue
    if (found === undefined || found.version !== version) return `${path} is not ${version}`
  }
  return undefined
}

const why = reason()
if (why !== undefined) {
  console.error(`Installing dependencies, because ${why} …`)
  const options = { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }
  const { status } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], options)
  if (status !== 0) process.exit(status ?? 1)
}

const least = Number(/\d+/.exec(require('../package.json').engines.node)[0])
const { stdout } = spawnSync('node', ['--version'], { encoding: 'utf8', shell: process.platform === 'win32' })
const version = (stdout ?? '').trim()
if (!(Number(/^v(\d+)/.exec(version)?.[1]) >= least)) {
  console.error(
    `Dunwell needs Node ${least} or later, and the node that would run it is ${version || 'missing'}.\n` +
      `Install Node ${least} from https://nodejs.org, or let npm run the install scripts that bring one with the project:\n` +
      '  npm rebuild --ignore-scripts=false'
  )
  process.exit(1)
}

// Scripts that run for long begin with `exec`, so that a signal to npm reaches them and not the shell between. Windows has no such word.
const shim = join(root, 'node_modules', '.bin', 'exec.cmd')
if (process.platform === 'win32' && !existsSync(shim)) writeFileSync(shim, '@%*\r\n')
