import type { Organization } from '../organizations/organization.ts'
import type { Client, ContactRole } from './client.ts'

/** What a consumer needs of the client to act without calling back. */
export function clientContext(client: Client, organization: Pick<Organization, 'locale' | 'timeZone'>) {
  return {
    id: client.id,
    name: client.name,
    locale: client.locale ?? organization.locale,
    time_zone: client.timeZone ?? organization.timeZone,
    contacts: client.contacts.map((contact) => ({
      id: contact.id,
      name: contact.name,
      salutation: contact.salutation,
      role: contact.role,
      email: contact.email,
      phone: contact.phone,
      locale: contact.locale ?? client.locale ?? organization.locale,
      do_not_contact: contact.doNotContact
    }))
  }
}

export type ClientContext = ReturnType<typeof clientContext>

/** The same with the contacts that something is for; no roles are all of them. */
export function addressedTo(client: ClientContext, roles: readonly ContactRole[]): ClientContext {
  if (roles.length === 0) return client
  return { ...client, contacts: client.contacts.filter(({ role }) => roles.includes(role)) }
}
