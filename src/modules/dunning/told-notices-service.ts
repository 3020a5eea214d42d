import type { Reader } from '../../db/client.ts'
import type { EventService } from '../events/service.ts'
import { readNotice, type ToldNotice, type ToldObligation } from './told-facts.ts'

type Stored = Readonly<{ eventId: string; body: string }>

/** Reads notices back as they were made, each with everything that it lists: the body of a long one has only the first of it. */
export function createToldNotices({ events }: Readonly<{ events: Pick<EventService, 'restsOf'> }>) {
  return async <Row extends Stored>(reader: Reader, rows: readonly Row[]) => {
    const read = rows.map((row) => ({ ...row, ...readNotice(row.body) }))
    const cut = read.flatMap(({ eventId, notice }) => (isCut(notice) ? [eventId] : []))
    if (cut.length === 0) return read
    const rests = await events.restsOf(reader, { eventIds: cut, list: 'obligations' })
    return read.map(({ notice, ...row }) => {
      const rest = (rests.get(row.eventId) ?? []) as unknown as readonly ToldObligation[]
      return { ...row, notice: rest.length === 0 ? notice : { ...notice, obligations: [...notice.obligations, ...rest] } }
    })
  }
}

export type ToldNotices = ReturnType<typeof createToldNotices>

function isCut({ obligations, obligations_count: count = 0 }: ToldNotice): boolean {
  return Array.isArray(obligations) && count > obligations.length
}
