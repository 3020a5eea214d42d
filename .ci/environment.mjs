import { readFile, writeFile } from 'node:fs/promises'
import { configSchema } from '../src/config.ts'

/** Writes the table of settings into the README and .env.example, or with `--check` says whether they are as the schema has it. */
const settings = Object.entries(configSchema.properties)
const START = '<!-- environment:start -->'
const END = '<!-- environment:end -->'

function table() {
  const rows = settings.map(([name, setting]) => {
    const given = setting.default === undefined || setting.default === '' ? '' : `\`${String(setting.default)}\``
    const values = setting.enum === undefined ? '' : ` (${setting.enum.join(', ')})`
    return `| \`${name}\` | ${given} | ${setting.description ?? ''}${values} |`
  })
  return ['| variable | default | what it does |', '| --- | --- | --- |', ...rows].join('\n')
}

function example() {
  const lines = settings.map(([name, setting]) => {
    const value = setting.default === undefined ? '' : String(setting.default)
    return `# ${setting.description ?? name}\n# ${name}=${value}`
  })
  return `# Copy to .env; npm start reads it. What is commented out has the value shown.\n\n${lines.join('\n\n')}\n`
}

async function wanted() {
  const readme = await readFile('README.md', 'utf8')
  const [before, rest] = readme.split(START)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${START} … ${END}`)
  return new Map([
    ['README.md', `${before}${START}\n${table()}\n${END}${after}`],
    ['.env.example', example()]
  ])
}

for (const [file, text] of await wanted()) {
  if (!process.argv.includes('--check')) await writeFile(file, text)
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`${file} is stale: run npm run docs:environment and commit the result.`)
    process.exitCode = 1
  }
}
