import Holidays, { type HolidaysTypes } from 'date-holidays'
import { BoundedMap } from '../../kernel/bounded-map.ts'
import { addDays, type Day, day, partsOf } from '../../kernel/day.ts'
import { DomainError } from '../../kernel/errors.ts'

/** Where a business keeps its holidays. */
export type HolidayPlace = Readonly<{
  /** ISO 3166-1 alpha-2, such as `DE`. */
  country: string
  /** ISO 3166-2, with or without the country: `DE-BY` or `BY`; with a finer part where one is known: `BY-A` is Augsburg. */
  region?: string | null | undefined
}>

/** The calendars behind the rules (lunar, Hebrew, Chinese) know nothing outside these years, and some never answer. */
const firstYear = 1900
const lastYear = 2199
const yearLimit = 32
const hourMs = 3_600_000

/** Only known places get in, so the map is as bounded as the world. Organizations of one place share one memo. */
const checks = new Map<string, (d: Day) => boolean>()

/**
 * Tells whether a day is a public holiday at a place. Computed a year at a time, when first asked about it. A holiday of
 * several days covers each; one that begins at noon or ends early leaves that day open. The day counts on which a lunar
 * holiday is kept, not the evening before. Before 1900 and after 2199 no holiday is known.
 * Throws `unknown_region`, pointing at `/calendar/country` or `/calendar/region`.
 */
export function holidayCheck({ country, region }: HolidayPlace): (d: Day) => boolean {
  const key = JSON.stringify([country, region ?? null])
  const known = checks.get(key)
  if (known !== undefined) return known
  const check = checkByYear(holidaysAt({ country, region }))
  checks.set(key, check)
  return check
}

/** The same for a place that was stored: of one that the package does not know any more, no holiday is known. */
export function storedHolidayCheck(place: HolidayPlace): (d: Day) => boolean {
  return refusalOf(place) === undefined ? holidayCheck(place) : () => false
}

function holidaysAt(place: HolidayPlace): Holidays {
  const refusal = refusalOf(place)
  if (refusal !== undefined) throw refusal
  const options: HolidaysTypes.Options = { types: ['public'] }
  const { country } = place
  const { state, part } = partsOfRegion(place)
  if (state === '') return new Holidays(country, options)
  return part === '' ? new Holidays(country, state, options) : new Holidays(country, state, part, options)
}

function refusalOf(place: HolidayPlace): DomainError | undefined {
  const atlas = new Holidays()
  const { country, region } = place
  if (!Object.hasOwn(atlas.getCountries(), country)) {
    return new DomainError('unknown_region', 'No public holidays are known for this country. Countries are ISO 3166-1 codes.', {
      pointer: '/calendar/country'
    })
  }
  if (region === undefined || region === null) return undefined
  const { state, part } = partsOfRegion(place)
  if (knows(atlas.getStates(country), state) && (part === '' || knows(atlas.getRegions(country, state), part))) return undefined
  return new DomainError('unknown_region', `No public holidays are known for this region of ${country}.`, {
    pointer: '/calendar/region'
  })
}

function partsOfRegion({ country, region }: HolidayPlace): { state: string; part: string } {
  if (region === undefined || region === null) return { state: '', part: '' }
  const [state = '', ...rest] = (region.startsWith(`${country}-`) ? region.slice(country.length + 1) : region).split('-')
  return { state, part: rest.join('-') }
}

function knows(names: Record<string, string> | undefined, code: string): boolean {
  return names !== undefined && Object.hasOwn(names, code)
}

function checkByYear(holidays: Holidays): (d: Day) => boolean {
  const years = new BoundedMap<number, ReadonlySet<Day>>(yearLimit)
  const daysFrom = (year: number) => years.getOrMake(year, () => new Set(holidays.getHolidays(year).flatMap(daysOf)))
  return (d) => {
    const { year, month } = partsOf(d)
    if (year < firstYear || year > lastYear) return false
    // The package lists a holiday under the year it begins in, so the days of one in December may lie in January.
    return daysFrom(year).has(d) || (month === 1 && daysFrom(year - 1).has(d))
  }
}

/** The whole days of a holiday. Its text names the day it is kept from; the instants give the length, an hour off under DST. */
function daysOf({ date, start, end }: HolidaysTypes.Holiday): Day[] {
  const first = day(date.slice(0, 10))
  const wholeDays = Math.floor((end.getTime() - start.getTime() + 2 * hourMs) / (24 * hourMs))
  return Array.from({ length: wholeDays }, (_, index) => addDays(first, index))
}
