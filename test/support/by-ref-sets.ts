import fc from 'fast-check'
import { done, type Ledger } from './dunning.ts'

export type Kind = 'clients' | 'invoices' | 'payments'
export type Write = Readonly<{ kind: Kind; id: string; version: number; body: object | null }>

const SOURCE = 'erp'
const ref = (id: string) => ({ source: SOURCE, id })
const CLIENTS = ['c0', 'c1'] as const
const INVOICES = ['i0', 'i1', 'i2', 'i3'] as const
/** A branch of the first client, and its invoice, which the payments of its parent name, too. */
const BRANCH = { id: 'b0', parent: CLIENTS[0], invoice: 'j0' } as const
const PAYMENTS = ['p0', 'p1', 'p2', 'p3'] as const
/** Invoices that no payment names, and that their source may therefore delete. */
const UNNAMED = ['u0', 'u1'] as const

/** Each client has every second invoice and payment. */
const ownerOf = (id: string) => (id === BRANCH.invoice ? BRANCH.id : (CLIENTS[Number(id.slice(1)) % CLIENTS.length] ?? 'c0'))
const invoicesOf = (id: string) => {
  const own = INVOICES.filter((invoice) => ownerOf(invoice) === ownerOf(id))
  return ownerOf(id) === BRANCH.parent ? [...own, BRANCH.invoice] : own
}

const money = (euros: number) => `${euros}.00`
const dayOf = (offset: number) => new Date(Date.UTC(2026, 0, 10 + offset)).toISOString().slice(0, 10)

type Saying = Readonly<{ amounts: readonly number[]; extra: number; day: number; text: string }>
const saying: fc.Arbitrary<Saying> = fc.record({
  amounts: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 }),
  extra: fc.integer({ min: 0, max: 9 }),
  /** Few days, so that often several are of one. */
  day: fc.constantFrom(0, 7, 20),
  text: fc.constantFrom('a', 'b', 'c')
})
/** What a source says of one object, version by version; null where it deleted it. */
type History = readonly (Saying | null)[]
const history: fc.Arbitrary<History> = fc
  .tuple(saying, fc.array(fc.option(saying, { freq: 3 }), { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest])

const histories = (ids: readonly string[]) => fc.tuple(...ids.map(() => history))

type Told = Readonly<{ kind: Kind; ids: readonly string[]; said: readonly History[] }>

function writesOf({ kind, ids, said }: Told, bodyOf: (id: string, one: Saying, isLast: boolean) => object): Write[] {
  return ids.flatMap((id, place) =>
    (said[place] ?? []).map((one, index, all) => {
      const version = index + 1
      return { kind, id, version, body: one === null ? null : bodyOf(id, one, version === all.length) }
    })
  )
}

function allocationsOf(id: string, { amounts }: Saying): { invoice_ref: object; amount: string }[] {
  const named = invoicesOf(id).map((invoice, index) => ({ invoice_ref: ref(invoice), amount: money(amounts[index] ?? 0) }))
  const some = named.filter(({ amount }) => amount !== money(0))
  return some.length > 0 ? some : named.slice(0, 1).map((one) => ({ ...one, amount: money(1) }))
}

function paymentBody(id: string, one: Saying, restMax: number): object {
  const allocations = allocationsOf(id, one)
  const sum = allocations.reduce((total, { amount }) => total + Number(amount), 0)
  return {
    client_ref: ref(ownerOf(id)),
    currency: 'EUR',
    amount: money(sum + Math.min(one.extra, restMax)),
    received_on: `2025-12-2${one.extra % 2}`,
    method: one.text,
    allocations
  }
}

function clientBody(id: string, one: Saying): object {
  return { name: `${id} ${one.text}`, tags: [one.text], ...(id === BRANCH.id && { parent_ref: ref(BRANCH.parent) }) }
}

/** The last version of an invoice is as large as what the last versions of payments name of it, or larger; those before are not. */
function invoiceBody(id: string, one: Saying, atLeast: number): object {
  return {
    client_ref: ref(ownerOf(id)),
    // Two of one client are often alike in number, day of issue and due day.
    number: `N${one.extra % 2}`,
    currency: 'EUR',
    total: money(atLeast + 1 + one.extra),
    issued_on: `2025-12-1${one.extra % 2}`,
    due_on: dayOf(one.day),
    dunning_start: 'normal',
    metadata: { text: one.text }
  }
}

/** What the last versions of payments name of each invoice. */
function namedAtLast(payments: readonly History[]): Map<string, number> {
  const named = new Map<string, number>()
  payments.forEach((said, index) => {
    const [id, last] = [PAYMENTS[index], said.at(-1)]
    if (id === undefined || last === undefined || last === null) return
    for (const { invoice_ref: name, amount } of allocationsOf(id, last)) {
      const { id: invoice } = name as { id: string }
      named.set(invoice, (named.get(invoice) ?? 0) + Number(amount))
    }
  })
  return named
}

/**
 * Sets of writes by reference, with versions, deletions of what may be deleted, and repeats.
 * @param restMax what payments have at most beyond what they name.
 */
export const writeSets = (restMax: number): fc.Arbitrary<readonly Write[]> =>
  fc
    .tuple(
      histories([...CLIENTS, BRANCH.id]),
      histories([...INVOICES, BRANCH.invoice]),
      histories(UNNAMED),
      histories(PAYMENTS),
      fc.array(fc.nat(), { maxLength: 6 })
    )
    .map(([clients, owed, others, payments, repeats]) => {
      const named = namedAtLast(payments)
      const kept = (said: readonly History[]) => said.map((all) => all.filter((one) => one !== null))
      const withClients = { kind: 'clients' as const, ids: [...CLIENTS, BRANCH.id], said: kept(clients) }
      const invoices = { kind: 'invoices' as const, ids: [...INVOICES, BRANCH.invoice], said: kept(owed) }
      const writes = [
        ...writesOf(withClients, clientBody),
        ...writesOf(invoices, (id, one, isLast) => invoiceBody(id, one, isLast ? (named.get(id) ?? 0) : 0)),
        // What is applied by itself would be set against these, and keep them from being deleted.
        ...(restMax > 0 ? [] : writesOf({ kind: 'invoices', ids: UNNAMED, said: others }, (id, one) => invoiceBody(id, one, 0))),
        ...writesOf({ kind: 'payments', ids: PAYMENTS, said: payments }, (id, one) => paymentBody(id, one, restMax))
      ]
      return [...writes, ...repeats.flatMap((place) => writes[place % writes.length] ?? [])]
    })

export const lineOf = ({ kind, id, version, body }: Write) => `${kind} ${id} v${version}${body === null ? ' deleted' : ''}`

/** Sends it. @throws Error for an answer that is no success. */
export async function send(ledger: Ledger, write: Write): Promise<void> {
  const { kind, id, version, body } = write
  const url = `/v1/${kind}/by-ref?${new URLSearchParams({ source: SOURCE, id })}`
  const answer =
    body === null
      ? await ledger.call('DELETE', `${url}&source_version=${version}`)
      : await ledger.call('PUT', url, { body: { ...body, source_version: version } })
  if (answer.status >= 300) throw new Error(`${lineOf(write)}: ${answer.status} ${JSON.stringify(answer.body)}`)
}

type Named = { invoice_id: string | null; invoice_ref?: { id: string } | null; amount: string }
type Doc = Record<string, unknown> & { id: string; status?: string; dunning?: object }

/** Applies anew what was applied automatically. */
export async function reallocate(ledger: Ledger): Promise<void> {
  for (const id of CLIENTS) {
    const url = `/v1/clients/by-ref?${new URLSearchParams({ source: SOURCE, id })}`
    const { body } = await ledger.call<Doc>('GET', url)
    await done(ledger.call('POST', `/v1/clients/${body.id}/reallocate`))
  }
}

/** All that can be read of the set's objects, without our ids, times and versions. What was deleted, or never made, is gone. */
export async function stateOf(ledger: Ledger): Promise<object> {
  const read = async (kind: Kind, id: string) =>
    ledger.call<Doc>('GET', `/v1/${kind}/by-ref?${new URLSearchParams({ source: SOURCE, id })}`)
  const all = [
    ...[...CLIENTS, BRANCH.id].map((id) => ['clients', id]),
    ...[...INVOICES, BRANCH.invoice, ...UNNAMED].map((id) => ['invoices', id]),
    ...PAYMENTS.map((id) => ['payments', id])
  ]
  const found = await Promise.all(all.map(async ([kind, id]) => ({ id, ...(await read(kind as Kind, id ?? '')) })))
  const names = new Map(found.flatMap(({ id, status, body }) => (status === 200 ? [[body.id, id] as const] : [])))
  const { data } = await done(ledger.call<{ data: { ref: object; operation: string }[] }>('GET', '/v1/pending-writes?limit=200'))
  const balances = [...CLIENTS, BRANCH.id].map(async (id) => {
    const client = found.find((one) => one.id === id)?.body.id
    return (await ledger.call<{ balances: object }>('GET', `/v1/clients/${client}/balance`)).body.balances
  })
  return {
    objects: found.map(({ id, status, body }) => [
      id,
      status === 200 && body.status !== 'reversed' && body.status !== 'void' ? told(body, names) : 'gone'
    ]),
    waiting: data.filter(({ operation }) => operation !== 'delete').map((one) => one.ref),
    balances: await Promise.all(balances)
  }
}

// With the path that holds the id.
const OURS = ['id', 'version', 'created_at', 'updated_at', 'allocations_url']

function told(body: Doc, names: ReadonlyMap<string, string | undefined>): object {
  const named = (list: Named[]) =>
    list.map(({ invoice_id: id, invoice_ref: by, amount }) => `${id === null ? by?.id : names.get(id)} ${amount}`).toSorted()
  const fields = Object.entries(body).filter(([field]) => !OURS.includes(field))
  return Object.fromEntries(
    fields.map(([field, value]) => {
      if (field === 'client_id' || field === 'parent_id') return [field, names.get(String(value))]
      if (field.endsWith('allocations')) return [field, named(value as Named[])]
      // A due day that is moved starts a cycle, and how often it was depends on what came first.
      if (field === 'dunning') return [field, { ...(value as object), cycle: null }]
      return [field, value]
    })
  )
}
