import { configSchema, secretSettings } from '../src/config.ts'
import { withSection, writeOrCheck } from './generated.mjs'

/** Writes the table of settings into the README and .env.example, or with `--check` says whether they are as the schema has it. */
const settings = Object.entries(configSchema.properties)

function table() {
  const rows = settings.map(([name, setting]) => {
    const given = setting.default === undefined || setting.default === '' ? '' : `\`${String(setting.default)}\``
    const values = setting.enum === undefined ? '' : ` (${setting.enum.join(', ')})`
    const file = secretSettings.includes(name) ? `, or \`${name}_FILE\`` : ''
    return `| \`${name}\`${file} | ${given} | ${setting.description ?? ''}${values} |`
  })
  return ['| variable | default | what it does |', '| --- | --- | --- |', ...rows].join('\n')
}

function example() {
  const lines = settings.map(([name, setting]) => {
    const value = setting.default === undefined ? '' : String(setting.default)
    const file = secretSettings.includes(name) ? `. ${name}_FILE names a file with it instead` : ''
    return `# ${setting.description ?? name}${file}\n# ${name}=${value}`
  })
  return `# Copy to .env; npm start reads it. What is commented out has the value shown.\n\n${lines.join('\n\n')}\n`
}

const readme = await withSection('README.md', 'environment', table())
await writeOrCheck(
  [
    ['README.md', readme],
    ['.env.example', example()]
  ],
  'npm run docs:environment'
)
