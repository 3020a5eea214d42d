import type { Reader } from '../../db/client.ts'
import { covers, earlierOpen, without } from '../../kernel/holding.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Client } from '../clients/client.ts'
import { clientContext } from '../clients/client-context.ts'
import type { HoldService } from '../holds/service.ts'
import type { OpenObligation } from '../invoices/invoice.ts'
import type { InvoiceService } from '../invoices/service.ts'
import { type Books, todayFor } from '../organizations/organization.ts'
import { unheldOf } from './asked.ts'
import { blockedAmong, pinnedOf } from './blocked.ts'
import { collectedAmong } from './collection-repository.ts'
import * as entryRepository from './entry-repository.ts'
import type { NettingService } from './netting-service.ts'
import { noticeContext } from './notice.ts'
import { isSpokenOf } from './notice-news.ts'
import type { PolicyService } from './policy-service.ts'

export type CurrentNoticeDeps = Readonly<{
  invoices: InvoiceService
  holds: HoldService
  policies: PolicyService
  creditCovering: NettingService
}>

export type Telling = Readonly<{
  books: Books
  client: Client
  currency: Currency
  /** The stage entries that are to be told. */
  news: ReadonlySet<string>
  /** Holds that came with them, and keep nothing of this back. */
  own: ReadonlySet<string>
}>

/** What a notice of news that were due before would say if it were made now; null where nothing of them may be told. */
export function createCurrentNotice({ invoices, holds, policies, creditCovering }: CurrentNoticeDeps) {
  return async (
    reader: Reader,
    { books, client, currency, news, own }: Telling
  ): Promise<ReturnType<typeof noticeContext> | null> => {
    const clientIds = [client.id]
    const [open, creditOf, allHoldsOf] = await Promise.all([
      invoices.openOfClients(reader, clientIds),
      creditCovering(reader, clientIds),
      holds.factsOf(reader, clientIds)
    ])
    const holdsOf = without(allHoldsOf, own)
    const today = todayFor(books, client.timeZone)
    const isHeldBesides = (one: OpenObligation) => {
      const besides = holdsOf(one)
      const parts = open.filter(({ invoiceId }) => invoiceId === one.invoiceId)
      const claim = { balanceMinor: one.balanceMinor, earlierMinor: earlierOpen(one, parts), holds: besides }
      return besides.some((hold) => hold.amountMinor === null && covers(hold, today)) || unheldOf(claim, today) <= 0n
    }
    const letGo = (one: OpenObligation) => (own.size > 0 && !isHeldBesides(one) ? { ...one, isHeld: false } : one)
    const entered = open.filter((one) => pinnedOf(one).length > 0)
    const [policyAt, liveOf, collectedOf, cases] = await Promise.all([
      policies.at(reader, entered.flatMap(pinnedOf)),
      entryRepository.live(reader, open),
      collectedAmong(reader, open),
      invoices.casesOf(
        reader,
        entered.map(({ id }) => id)
      )
    ])
    const blocked = blockedAmong(cases, { entered, books, creditOf, holdsOf, collectedOf, policyAt, liveOf })
    const items = open.filter((one) => one.currency === currency && isSpokenOf(letGo(one), { blocked, collectedOf, today }))
    const last = (id: string) => liveOf(id).findLast(({ kind }) => kind === 'entered')
    const left = items.flatMap(({ id }) => {
      const entry = last(id)
      return entry !== undefined && news.has(entry.id) ? [[id, entry] as const] : []
    })
    if (left.length === 0) return null
    return noticeContext({
      ...{ items, open, policyAt, creditOf, holdsOf, entered: new Map(left) },
      client: clientContext(client, books.organization),
      currency,
      today
    })
  }
}

export type CurrentNotice = ReturnType<typeof createCurrentNotice>
