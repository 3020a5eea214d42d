// Adds up Vitest's reports and prints the line CI reads. A run that was green without a test is a failure too.
const { readFileSync } = require('node:fs')

const [broken, ...reports] = process.argv.slice(2)
let passed = 0
let failed = 0
for (const report of reports) {
  let result
  try {
    result = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    console.error(`No report in ${report}: the test run ended before it began.`)
    failed += 1
    continue
  }
  passed += result.numPassedTests
  failed += result.numFailedTests
  // A file that could not be loaded has no tests to fail.
  for (const { status, assertionResults } of result.testResults)
    if (status === 'failed' && assertionResults.length === 0) failed += 1
}
if (passed === 0 || failed > 0 || Number(broken) > 0) process.exitCode = 1
console.log(`${passed} passed, ${failed} failed`)
