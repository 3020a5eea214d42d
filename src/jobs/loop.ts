/** What a job logs with; pino's order of arguments. */
export type Log = Readonly<{
  info: (details: object, message: string) => void
  warn: (details: object, message: string) => void
  error: (details: object, message: string) => void
}>

export type LoopOptions = Readonly<{
  /** What the log calls it. */
  name: string
  /** The rest between two runs, in milliseconds; null rests until it is woken. */
  everyMs: number | null
  /** Ends early, at a place of its choice, once the signal says so. */
  run: (signal: AbortSignal) => Promise<unknown>
  log: Log
}>

export type Loop = Readonly<{
  /** Run soon: now if it rests, once more afterwards if it runs. */
  wake: () => void
  /** No further run; resolves when the present one has ended. */
  stop: () => Promise<void>
}>

/** Longer than any outage that should be waited out between two tries, short enough to be back soon after it. */
const AFTER_FAILURE_MS = 5_000

/**
 * Runs at once, then again after each rest, never twice at a time. A run that fails is logged and tried again: no error of
 * a job ends the process, and a database that went away is found again when it is back.
 */
export function createLoop({ name, everyMs, run, log }: LoopOptions): Loop {
  const stopping = new AbortController()
  let isWanted = true
  let endRest = () => {}

  async function attempt(): Promise<'done' | 'failed'> {
    try {
      await run(stopping.signal)
      return 'done'
    } catch (error) {
      log.error({ err: error, job: name }, 'a job failed and will be tried again')
      return 'failed'
    }
  }

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      isWanted = false
      const outcome = await attempt()
      await rest(outcome === 'done' ? everyMs : Math.min(everyMs ?? AFTER_FAILURE_MS, AFTER_FAILURE_MS))
    }
  }

  function rest(ms: number | null): Promise<void> {
    if (isWanted || stopping.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(resolve, ms)
      endRest = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  const working = work()
  return {
    wake: () => {
      isWanted = true
      endRest()
    },
    stop: () => {
      stopping.abort()
      endRest()
      return working
    }
  }
}
