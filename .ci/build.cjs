// Compiles the service into dist, or the folder given, and puts the migrations and the licence beside it: with node_modules and
// package.json that is all that it needs to run.
const { spawnSync } = require('node:child_process')
const { cpSync, rmSync } = require('node:fs')
const { join, resolve } = require('node:path')

const root = join(__dirname, '..')
const out = resolve(process.argv[2] ?? join(root, 'dist'))
rmSync(out, { recursive: true, force: true })
const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '--project', join(root, '.ci/tsconfig.build.json'), '--outDir', out]
const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
for (const file of ['LICENSE', 'NOTICE']) cpSync(join(root, file), join(out, file))
cpSync(join(root, 'drizzle'), join(out, 'drizzle'), { recursive: true, filter: (path) => !path.endsWith('.ts') })
