import type { Tx } from '../../db/client.ts'
import { isFurther, type ServiceStatus } from '../clients/client.ts'
import type { ClientService } from '../clients/service.ts'
import type { HoldService } from '../holds/service.ts'
import type { Books } from '../organizations/organization.ts'
import { type Cause, causesOf, unserved } from './action-repository.ts'
import type { NewEntry } from './entry.ts'
import type { StageAction } from './policy.ts'

export type ActionDeps = Readonly<{ clients: ClientService; holds: HoldService }>

const statusOf: Readonly<Record<StageAction, ServiceStatus | null>> = {
  suspend_service: 'suspended',
  end_service: 'ending',
  refer_to_collections: null,
  refer_to_legal: null
}

/** What stages ask for besides a message: service is lowered, and who was handed over is left to others. */
export function createActionService({ clients, holds }: ActionDeps) {
  /** Nothing of ours goes out any more to a client that others collect from. Ends by hand, or with the entry if that was a mistake. */
  async function handOver(tx: Tx, books: Books, entry: NewEntry): Promise<void> {
    if (await holds.isHeldFor(tx, { clientId: entry.clientId, reason: 'third_party' })) return
    const origin = { kind: 'stage_entry', id: entry.id } as const
    const { clientId } = entry
    const note = `Handed over by the stage ${entry.stage}.`
    await holds.place(tx, books, {
      clientId,
      invoiceIds: null,
      reason: 'third_party',
      resume: 'by_age',
      untilOn: null,
      note,
      origin
    })
  }

  return {
    /** Does what the entries that were just made ask for, with their clients locked. */
    async perform(tx: Tx, books: Books, entries: readonly NewEntry[]): Promise<void> {
      const lowering = entries.flatMap(({ id: entryId, clientId, invoiceId, stage, action }) =>
        action === null || statusOf[action] === null ? [] : [{ clientId, entryId, invoiceId, stage, action }]
      )
      if (lowering.length > 0) {
        const known = await clients.getMany(tx, [...new Set(lowering.map(({ clientId }) => clientId))])
        const wanted = furthest(lowering)
        for (const [id, { status }] of wanted) {
          if (!isFurther(status, known.get(id)?.serviceStatus ?? 'active')) wanted.delete(id)
        }
        await clients.setServiceStatus(tx, books, wanted)
      }
      for (const entry of entries) {
        if (entry.action === 'refer_to_collections' || entry.action === 'refer_to_legal') await handOver(tx, books, entry)
      }
    },

    /** Those of these clients that are served less than they could be. */
    unserved,

    /** Something of these unserved clients was settled, or taken back: who is served less than what is left asks for is served again. */
    async restore(tx: Tx, books: Books, clientIds: readonly string[]): Promise<void> {
      if (clientIds.length === 0) return
      const left = furthest(await causesOf(tx, clientIds))
      const wanted = new Map(clientIds.map((id) => [id, left.get(id) ?? { status: 'active' as const, context: {} }]))
      await clients.setServiceStatus(tx, books, wanted)
    },

    /** Entries that turned out mistaken ask for nothing any more. */
    async takeBack(tx: Tx, books: Books, entryIds: readonly string[]): Promise<void> {
      for (const id of entryIds) await holds.releaseOf(tx, books, { origin: { kind: 'stage_entry', id }, reason: 'mistaken' })
    }
  }
}

export type ActionService = ReturnType<typeof createActionService>

/** For each client the furthest status that a cause asks for, with that cause. */
function furthest(causes: readonly Cause[]): Map<string, { status: ServiceStatus; context: object }> {
  const wanted = new Map<string, { status: ServiceStatus; context: object }>()
  for (const { clientId, entryId, invoiceId, stage, action } of causes) {
    const status = statusOf[action]
    if (status === null || !isFurther(status, wanted.get(clientId)?.status ?? 'active')) continue
    wanted.set(clientId, { status, context: { cause: { entry_id: entryId, invoice_id: invoiceId, stage, action } } })
  }
  return wanted
}
