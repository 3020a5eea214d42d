import type { Day } from '../../kernel/day.ts'
import type { Currency } from '../../kernel/money.ts'

/** The two types of event that say what may be wrong by the time when they are sent; all others say what happened. */
export const STAGE_ENTERED = 'invoice.dunning_stage_entered'
export const NOTICE_DUE = 'client.dunning_notice_due'

/** What an event that was told says of one obligation. */
export type ToldObligation = Readonly<{ id: string; due_on: Day; balance: string; stage: string | null; entry_id: string | null }>

/** What a notice says, as far as it may stop being true. */
export type ToldNotice = Readonly<{
  client: Readonly<{ contacts: readonly Readonly<{ id: string; do_not_contact: boolean }>[] }>
  currency: Currency
  total: string
  unapplied_credit: string
  disputed: string
  net_total: string
  /** Of one that is read back from its body, the first of them. */
  obligations: readonly ToldObligation[]
  /** Absent from bodies of former releases, which have all. */
  obligations_count?: number
}>

type Body<Context, Object> = Readonly<{ timestamp: string; data: Readonly<{ object: Object; context: Context }> }>

/** Reads back the body that was stored: a notice, with whom it is about and when it was made. */
export function readNotice(body: string): Readonly<{ clientId: string; at: Date; notice: ToldNotice }> {
  const { timestamp, data } = JSON.parse(body) as Body<ToldNotice, Readonly<{ id: string }>>
  return { clientId: data.object.id, at: new Date(timestamp), notice: data.context }
}

/** The stage entries that a notice was the first to tell of. */
export function newsOf({ obligations }: Pick<ToldNotice, 'obligations'>): string[] {
  return obligations.flatMap(({ entry_id: id }) => (id === null ? [] : [id]))
}

type Amounts = Readonly<{ balance: string; unapplied_credit: string; disputed: string; net_total: string }>
export type ToldStage = Readonly<{ entry_id: string; amounts: Amounts }>

/** The same of a stage; undefined of a body that tells of none. */
export function readStage(body: string): ToldStage | undefined {
  const told = (JSON.parse(body) as Partial<Body<Partial<ToldStage>, unknown>>).data?.context
  return told?.entry_id === undefined || told.amounts === undefined ? undefined : (told as ToldStage)
}

/** Whether two stages ask for the same money. */
export function asksTheSame(a: Amounts, b: Amounts): boolean {
  return (['balance', 'unapplied_credit', 'disputed', 'net_total'] as const).every((name) => a[name] === b[name])
}

/** Whether two notices ask the same of the same people, with the same news, whatever day it is. */
export function saysTheSame(a: ToldNotice, b: ToldNotice): boolean {
  return JSON.stringify(essenceOf(a)) === JSON.stringify(essenceOf(b))
}

function essenceOf({ client, currency, total, unapplied_credit: credit, disputed, net_total: net, obligations }: ToldNotice) {
  const left = client.contacts.flatMap(({ id, do_not_contact: isLeftAlone }) => (isLeftAlone ? [id] : []))
  const rows = obligations.map(({ id, due_on: dueOn, balance, stage, entry_id: entryId }) => [id, dueOn, balance, stage, entryId])
  return [currency, total, credit, disputed, net, left.sort(), rows.sort()]
}
