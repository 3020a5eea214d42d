/** Where "now" comes from. It is handed in everywhere, so that a test organization can live in a time of its own. */
export type Clock = Readonly<{ now: () => Date }>

export const systemClock: Clock = clockFrom(() => new Date())

export function clockFrom(now: () => Date): Clock {
  return { now }
}
