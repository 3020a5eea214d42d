export type Bell = Readonly<{
  /** Ends the rest, or lets the next one not begin. */
  ring: () => void
  rest: (ms: number) => Promise<void>
}>

/** A rest that can be ended early, without losing a ring that comes while nobody rests. */
export function createBell(): Bell {
  let hasRung = false
  let wakeUp = () => {}
  return {
    ring: () => {
      hasRung = true
      wakeUp()
    },
    rest: async (ms) => {
      if (!hasRung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          wakeUp = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      hasRung = false
    }
  }
}
