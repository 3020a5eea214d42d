import type { Event } from './verify.ts'

/** What is read of an event here. Each type has its own context: see the OpenAPI document. */
export type Told = Event &
  Readonly<{
    data: Readonly<{
      object: Readonly<{
        id: string
        version: number
        number?: string
        total?: string
        currency?: string | null
        name?: string
        locale?: string | null
        time_zone?: string | null
      }>
      context: Readonly<{
        client?: Client
        entry_id?: string
        replaces_event_ids?: readonly string[]
        obligation?: Readonly<{ id: string }>
        amounts?: Readonly<{ currency: string; net_total?: string; balance: string }>
        stage?: Readonly<{ code: string; tone: string }>
        entries?: readonly Readonly<{ id: string; stage: string }>[]
      }>
    }>
  }>

type Client = Readonly<{ name: string; locale: string; time_zone: string; contacts: readonly Contact[] }>
type Contact = Readonly<{ name: string; email: string | null; do_not_contact: boolean }>

/** What this consumer does about a type of event, and so what it subscribes to. */
export const deeds: Readonly<Record<string, string>> = {
  'invoice.dunning_stage_entered': 'remind',
  'invoice.dunning_retracted': 'apologize',
  'invoice.paid': 'stop',
  'client.service_suspended': 'suspend',
  'client.service_ending': 'end service',
  'client.service_restored': 'restore',
  'webhook_endpoint.test': 'test'
}

const widths = [12, 12, 18, 14, 14] as const
export const heading = `${row('day', 'what', 'stage, tone', 'total', 'invoice')}to`
export const rule = '─'.repeat(heading.length + 28)

/** One line: what would be sent, and to whom. Amount and day are written as the client writes them. */
export function letterOf(event: Told): string {
  const { object, context } = event.data
  const { client, stage, entries, amounts } = context
  const locale = client?.locale ?? object.locale ?? 'en'
  const timeZone = client?.time_zone ?? object.time_zone ?? 'UTC'
  const day = new Date(event.timestamp).toLocaleDateString(locale, { dateStyle: 'medium', timeZone })
  const stages = stage === undefined ? (entries ?? []).map((entry) => entry.stage).join(', ') : `${stage.code}, ${stage.tone}`
  const currency = amounts?.currency ?? object.currency
  const amount = amounts?.net_total ?? object.total
  const total = amount === undefined || !currency ? '' : money(amount, { currency, locale })
  // Names come last: what is written from right to left then moves nothing else about.
  return row(day, deeds[event.type] ?? event.type, stages, total, object.number ?? '') + addressees(client ?? object.name)
}

/** Of a reminder that nobody needs any more, or anything else that was overtaken. */
export function notSent(event: Told, why: string): string {
  const { object, context } = event.data
  return row('', 'nothing', context.stage?.code ?? event.type, '', object.number ?? '') + why
}

function row(...cells: readonly [string, string, string, string, string]): string {
  // The total is a number, and numbers end where they end.
  const padded = cells.map((cell, index) => (index === 3 ? cell.padStart(widths[index]) : cell.padEnd(widths[index] ?? 0)))
  return `${padded.join('  ')}  `
}

function money(amount: string, { currency, locale }: { currency: string; locale: string }): string {
  // As text: a number cannot hold every amount.
  return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(amount as `${number}`)
}

function addressees(client: Client | string | undefined): string {
  if (client === undefined || typeof client === 'string') return client ?? 'whoever was about to write'
  const to = client.contacts.filter((contact) => contact.email !== null && !contact.do_not_contact)
  const whom = to.length === 0 ? 'nobody that may be written to' : to.map(({ name, email }) => `${name} <${email}>`).join(', ')
  return `${client.name} (${client.locale}): ${whom}`
}
