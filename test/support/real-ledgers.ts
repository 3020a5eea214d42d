import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Real ledgers lie beside the repository, for no licence says that they may lie in it. */
export const realLedgers = fileURLToPath(new URL('../../../shared/data/ledgers/', import.meta.url))

export const hasRealLedgers = existsSync(realLedgers)

if (!hasRealLedgers) console.log(`The real ledgers are not beside the repository (${realLedgers}): tests on them are left out.`)
