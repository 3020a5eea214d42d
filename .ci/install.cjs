// Runs before every npm script, so that each works on a fresh clone: installs when node_modules is missing or belongs to another lock
// file. CommonJS, because the host's Node, which may be old, runs it before the project's own exists.
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
  for (const [path, { version, optional, devOptional }] of Object.entries(wanted)) {
    if (path === '') continue
    const found = installed[path]
    // Binaries for other platforms are optional and rightly absent.
    if (found === undefined && (optional || devOptional)) continue
    if (found === undefined || found.version !== version) return `${path} is not ${version}`
  }
  return undefined
}

const why = reason()
if (why !== undefined) {
  console.error(`Installing dependencies, because ${why} …`)
  const options = { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }
  const { status } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], options)
  process.exitCode = status ?? 1
}

// Scripts that run for long begin with `exec`, so that a signal to npm reaches them and not the shell between. Windows has no such word.
const shim = join(root, 'node_modules', '.bin', 'exec.cmd')
if (process.platform === 'win32' && !existsSync(shim)) writeFileSync(shim, '@%*\r\n')
