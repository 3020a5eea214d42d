import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * `npm test` runs the projects unit and database; they are two, so that a unit test never waits for a database server. What takes
 * minutes or other software is apart: faults kills processes, docs runs what the documents say.
 */
export default defineConfig({
  root,
  test: {
    root,
    pool: 'forks',
    // Files share what they import: to load the service takes longer than most of them, and each has a database of its own.
    isolate: false,
    // Vitest leaves a core free for itself, which of two leaves one; files wait for their databases as much as they compute.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/architecture/**/*.test.ts'], testTimeout: 20_000 }
      },
      {
        extends: true,
        test: {
          name: 'database',
          include: ['test/integration/**/*.test.ts', 'test/contract/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000
        }
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 60_000
        }
      },
      {
        extends: true,
        test: {
          name: 'docs',
          include: ['test/docs/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 60_000
        }
      }
    ]
  }
})
