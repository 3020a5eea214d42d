import type { Reader, Tx } from '../../db/client.ts'
import type { ClientService } from '../clients/service.ts'
import type { Books } from '../organizations/organization.ts'
import { statementToApi } from './balance-schemas.ts'
import { closingLines, leaving, leavingNow } from './statement-repository.ts'

/** Parting with a client: what its ledger comes to, and when nothing is owed any more. */
export function createClosing({ clients }: Readonly<{ clients: ClientService }>) {
  return {
    closingStatement: async (reader: Reader, clientId: string) => {
      await clients.get(reader, clientId)
      return statementToApi(clientId, await closingLines(reader, clientId))
    },

    /** Whether a client of these obligations is being parted with. */
    isLeaving: async (reader: Reader, obligationIds: readonly string[]): Promise<boolean> =>
      (await leaving(reader, obligationIds)).length > 0,

    /** Parting with a client is complete when nothing is owed any more, and is not when something is again. */
    async followOffboarding(tx: Tx, { books, obligationIds }: { books: Books; obligationIds: readonly string[] }): Promise<void> {
      await follow(tx, books, await leaving(tx, obligationIds))
    },

    /** It may be complete at once. */
    async offboardingStarted(tx: Tx, { books, clientId }: { books: Books; clientId: string }): Promise<void> {
      await follow(tx, books, await leavingNow(tx, clientId))
    }
  }

  async function follow(tx: Tx, books: Books, found: readonly Readonly<{ id: string; isSettled: boolean }>[]): Promise<void> {
    if (found.length === 0) return
    const withStatement = found.map(async ({ id, isSettled }) => {
      return { id, isSettled, statement: statementToApi(id, await closingLines(tx, id)) }
    })
    await clients.followOffboarding(tx, books, await Promise.all(withStatement))
  }
}
