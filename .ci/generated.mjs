import { readFile, writeFile } from 'node:fs/promises'

/** The document with this text between its markers `<!-- name:start -->` and `<!-- name:end -->`. */
export async function withSection(file, name, text) {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`]
  const document = await readFile(file, 'utf8')
  const [before, rest] = document.split(start)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${file} lacks ${start} … ${end}`)
  return `${before}${start}\n${text}\n${end}${after}`
}

/** Writes the files, or with `--check` says which are not as the code would write them. */
export async function writeOrCheck(texts, command) {
  for (const [file, text] of texts) {
    if (!process.argv.includes('--check')) await writeFile(file, text)
    else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
      console.error(`${file} is stale: run ${command} and commit the result.`)
      process.exitCode = 1
    }
  }
}
