import type { Reader } from '../../db/client.ts'
import type { ClientService } from '../clients/service.ts'
import { todayFor } from '../organizations/organization.ts'
import type { OrganizationService } from '../organizations/service.ts'
import * as repository from './repository.ts'

export type ClientBalances = Readonly<{
  clientId: string
  own: readonly repository.CurrencyBalance[]
  branches: Readonly<{ clients: number; balances: readonly repository.CurrencyBalance[] }>
  consolidated: readonly repository.CurrencyBalance[]
}>

type Deps = Readonly<{ organizations: OrganizationService; clients: ClientService }>

export function createBalances({ organizations, clients }: Deps) {
  return {
    /** What a client owes and has, what its branches do, and both together. */
    async balances(reader: Reader, clientId: string): Promise<ClientBalances> {
      const [books, client, branches] = await Promise.all([
        organizations.books(reader),
        clients.get(reader, clientId),
        clients.branchesOf(reader, clientId)
      ])
      const itself = { clientId, today: todayFor(books, client.timeZone) }
      const theirs = branches.map(({ id, timeZone }) => ({ clientId: id, today: todayFor(books, timeZone) }))
      const [own, balances, consolidated] = await Promise.all(
        [[itself], theirs, [itself, ...theirs]].map((of) => repository.balancesOf(reader, of))
      )
      return {
        clientId,
        own: own ?? [],
        branches: { clients: branches.length, balances: balances ?? [] },
        consolidated: consolidated ?? []
      }
    }
  }
}
