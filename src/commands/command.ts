/** What a command line names. Usage is text to show; what is wrong with arguments is told together with it. */
export type Command = Readonly<{
  usage: string
  run: (argv: string[], environment: NodeJS.ProcessEnv) => Promise<number>
}>

/** The arguments are not those of the command. Thrown before the command does anything. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Runs a command, or shows its usage: on standard output where it was asked for, else on standard error with what is wrong. */
export async function runCommand({ usage, run }: Command, argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  if (argv.some((argument) => argument === '--help' || argument === '-h')) {
    process.stdout.write(usage)
    return 0
  }
  try {
    return await run(argv, environment)
  } catch (error) {
    if (!isOfArguments(error)) throw error
    process.stderr.write(`${error.message}\n\n${usage}`)
    return 1
  }
}

/** Ours, or that of `parseArgs`. */
function isOfArguments(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
