const LEAST = 24

/** What to say where this Node is too old; undefined where it is not. */
export function nodeRefusal(version: string): string | undefined {
  if (Number(version.split('.', 1)[0]) >= LEAST) return undefined
  return `Dunwell needs Node ${LEAST} or later, and this is ${version}. Install Node ${LEAST} from https://nodejs.org.`
}

// Imported before everything else: an older Node fails in what comes after, with words that nobody understands.
const refusal = nodeRefusal(process.versions.node)
if (refusal !== undefined) {
  process.stderr.write(`${refusal}\n`)
  process.exit(1)
}
