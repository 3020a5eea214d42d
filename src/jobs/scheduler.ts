import { schedule, validate } from 'node-cron'

/** Says when, and nothing else: what is due is found by the job, whenever it runs. */
export function scheduleEvery(cron: string, { name, run }: { name: string; run: () => void }): { stop: () => Promise<void> } {
  if (!validate(cron)) throw new Error(`${cron} is not a cron expression.`)
  // A minute that passes while a run is under way is not missed: whatever it would have found is still due.
  const task = schedule(cron, run, { name, noOverlap: true, timezone: 'UTC', suppressMissedWarning: true })
  return {
    stop: async () => {
      await task.destroy()
    }
  }
}
