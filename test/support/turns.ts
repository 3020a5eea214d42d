/**
 * The longest time, in ms, for which the work kept the event loop from turning: of this thread's own CPU, so that neither another process
 * nor the database counts.
 */
export async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  const used = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  }
  let [longest, last, isOn] = [0, used(), true]
  const turn = () => {
    const now = used()
    longest = Math.max(longest, now - last)
    last = now
    if (isOn) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  isOn = false
  turn()
  return longest
}
