import { defineConfig } from 'drizzle-kit'

/** Paths are relative to the project's root, where npm scripts run. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/modules/*/table.ts',
  out: './drizzle',
  casing: 'snake_case'
})
