// Writes what the service is made of, as CycloneDX, to standard output. `npm sbom --omit dev` leaves out each package that a package for
// development needs too, among them pg: so npm is shown a tree that has none.
const { spawnSync } = require('node:child_process')
const { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

const root = join(__dirname, '..')
const read = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'))
const { devDependencies: _, ...own } = read('package.json')
const lock = read('package-lock.json')
const used = Object.entries(lock.packages).filter(([path, { dev, devOptional }]) => path === '' || (!dev && !devOptional))
const packages = Object.fromEntries(used)
delete packages[''].devDependencies

const folder = mkdtempSync(join(tmpdir(), 'dunwell-sbom-'))
try {
  // npm names what it describes by its folder.
  const tree = join(folder, own.name)
  mkdirSync(tree)
  writeFileSync(join(tree, 'package.json'), JSON.stringify(own))
  writeFileSync(join(tree, 'package-lock.json'), JSON.stringify({ ...lock, packages }))
  const what = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application']
  const { status } = spawnSync('npm', what, { cwd: tree, stdio: 'inherit', shell: process.platform === 'win32' })
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
