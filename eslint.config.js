import tseslint from 'typescript-eslint'

// Biome formats and lints; these five need types. The first is the reason: a Drizzle query that nobody awaits never runs, silently,
// and only `checkThenables` sees it, because a query is a thenable and not a promise.
export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.dunwell', 'coverage', '**/*.js', '**/*.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { checkThenables: true }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'only-allowed-literals' }]
    }
  }
)
