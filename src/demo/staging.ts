import { addDays, type Day, day, instantOn, maxDay, startOfDay } from '../kernel/day.ts'
import type { Api } from './api.ts'
import type { Role, Scene } from './story.ts'
import type { Stop, Timeline } from './timeline.ts'

/** When an act is played: after what is posted at 00:00, before the working day is over. */
const PLAYED_AT = '10:00'

/** A story in the year of a ledger: its clients, and the instants at which they act. */
export type Staging = Readonly<{
  timeline: Timeline
  /** Makes the clients. Nothing is played before. @returns their ids by their codes. */
  open: (api: Api) => Promise<ReadonlyMap<string, string>>
}>

/** Plays the cast's acts along the timeline, in the year of its first day; it is walked on until the last of them is over. */
export function staged(timeline: Timeline, { cast, daysAfter }: { cast: readonly Role[]; daysAfter: number }): Staging {
  const { timeZone, firstOn } = timeline
  const scenes = new Map<string, Scene>()
  const dayOf = (on: string): Day => day(`${firstOn.slice(0, 4)}-${on}`)
  const acts = cast.flatMap(({ code, acts: own }) =>
    own.map(({ on, play }): Stop => {
      const act = async () => {
        const scene = scenes.get(code)
        if (scene === undefined) throw new Error('A story is played after its clients were made.')
        await play(scene)
      }
      return { at: instantOn(dayOf(on), { time: PLAYED_AT, timeZone }), invoices: [], receipts: [], act }
    })
  )
  const lastOn = maxDay(timeline.lastOn, ...cast.flatMap((role) => role.acts.map(({ on }) => addDays(dayOf(on), daysAfter))))
  const endMs = Math.max(timeline.endAt.getTime(), startOfDay(addDays(lastOn, 1), timeZone).getTime())
  const stops = [...timeline.stops, ...acts].sort((a, b) => a.at.getTime() - b.at.getTime())
  return {
    timeline: { ...timeline, stops, lastOn, endAt: new Date(endMs) },
    open: async (api) => {
      for (const { code, name } of cast) {
        const path = `/v1/clients/by-ref?source=story&id=${code}`
        const { id: clientId } = await api.put<{ id: string }>(path, { name, time_zone: timeZone })
        scenes.set(code, { api, clientId, dayOf, made: new Map() })
      }
      return new Map([...scenes].map(([code, { clientId }]) => [code, clientId]))
    }
  }
}
