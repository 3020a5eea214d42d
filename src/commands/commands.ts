import type { Command } from './command.ts'

/** Each command is read only when it runs: `serve` must not pay for the demo. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: () => import('./serve.ts'),
  migrate: () => import('./migrate.ts'),
  demo: () => import('../demo/command.ts'),
  org: () => import('./org.ts'),
  key: () => import('./key.ts'),
  evaluate: () => import('../evaluate/command.ts'),
  reseal: () => import('./reseal.ts'),
  verify: () => import('./verify.ts'),
  'backup-check': () => import('./backup-check.ts')
}
