import type { Database } from '../db/client.ts'
import { newId } from '../ids.ts'
import { isTimeZone } from '../kernel/day.ts'
import { currency } from '../kernel/money.ts'
import type { Services } from '../services.ts'

export type Wanted = Readonly<{ name: string; mode: 'live' | 'test'; timeZone: string; currency: string }>

/** Makes an organization with its first admin key, as the operator's route does. @throws Error naming what is wrong. */
export async function createOrganization(
  { database, services }: Readonly<{ database: Database; services: Services }>,
  wanted: Wanted
): Promise<{ id: string; key: string }> {
  if (!isTimeZone(wanted.timeZone)) throw new Error(`${wanted.timeZone} is no IANA time zone, as in Europe/Berlin.`)
  const { name, mode, timeZone } = wanted
  return database.scoped(newId(), async (tx) => {
    const organization = await services.organizations.create(tx, {
      name,
      mode,
      timeZone,
      locale: 'en',
      defaultCurrency: currency(wanted.currency),
      defaultPaymentTerms: { kind: 'net', days: 30 },
      calendar: { weekend: [6, 7], country: null, region: null, closedDays: [] },
      clockAt: null,
      dunningFromOn: null
    })
    const { text } = await services.apiKeys.create(tx, { mode, name: 'First key', scopes: ['admin'], expiresAt: null })
    return { id: organization.id, key: text }
  })
}
