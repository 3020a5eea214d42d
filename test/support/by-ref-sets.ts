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

type Saying = Readonly<{ amounts: readonly number[]; extra: number; day: number; text: string; status: string }>
const saying: fc.Arbitrary<Saying> = fc.record({
  amounts: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 }),
  extra: fc.integer({ min: 0, max: 9 }),
  /** Few days, so that often several are of one. */
  day: fc.constantFrom(0, 7, 20),
  text: fc.constantFrom('a', 'b', 'c'),
  /** Of a payment. */
  status: fc.constantFrom('settled', 'pending', 'pending', 'failed')
})
/** What a source says of one object, version by version; null where it deleted it. */
type History = readonly (Saying | null)[]
const history: fc.Arbitrary<History> = fc
  .tuple(saying, fc.array(fc.option(saying, { freq: 3 }), { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest])

const histories = (ids: readonly string[]) => fc.tuple(...ids.map(() => history))

type Told = Readonly<{ kind: Kind; ids: readonly string[]; said: readonly History[] }>

type BodyOf = (id: string, one: Saying, place: { isLast: boolean; before: History }) => object

function writesOf({ kind, ids, said }: Told, bodyOf: BodyOf): Write[] {
  return ids.flatMap((id, place) =>
    (said[place] ?? []).map((one, index, all) => {
      const [version, before] = [index + 1, all.slice(0, index)]
      return { kind, id, version, body: one === null ? null : bodyOf(id, one, { isLast: version === all.length, before }) }
    })
  )
}

function allocationsOf(id: string, { amounts }: Saying): { invoice_ref: object; amount: string }[] {
  const named = invoicesOf(id).map((invoice, index) => ({ invoice_ref: ref(invoice), amount: money(amounts[index] ?? 0) }))
  const some = named.filter(({ amount }) => amount !== money(0))
  return some.length > 0 ? some : named.slice(0, 1).map((one) => ({ ...one, amount: money(1) }))
}

/** Money that its source says came and went again stays so: what it was before is a fact, and no version after it can undo it. */
function untilItBounced(said: History): History {
  const bounced = said.findIndex((one, index) => one?.status === 'failed' && hasCome(said.slice(0, index)))
  return bounced === -1 ? said : said.slice(0, bounced + 1)
}

const hasCome = (before: History) => before.some((one) => one?.status === 'settled')

/** What a source says of where its money is. */
function statusBody({ status, extra, day }: Saying, before: History): object {
  const received = { received_on: `2025-12-2${extra % 2}` }
  const stated = { status, matures_on: dayOf(day) }
  if (status === 'pending') return stated
  if (status === 'settled') return { ...stated, ...received }
  return hasCome(before) ? { ...stated, ...received, reversed_on: '2025-12-30' } : stated
}

function paymentBody(id: string, one: Saying, { restMax, before }: { restMax: number; before: History | null }): object {
  const allocations = allocationsOf(id, one)
  const sum = allocations.reduce((total, { amount }) => total + Number(amount), 0)
  return {
    client_ref: ref(ownerOf(id)),
    currency: 'EUR',
    amount: money(sum + Math.min(one.extra, restMax)),
    ...(before === null ? { received_on: `2025-12-2${one.extra % 2}` } : statusBody(one, before)),
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
    collection_method: one.text === 'c' ? 'autopay' : 'manual',
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
 * @param how.restMax what payments have at most beyond what they name.
 * @param how.isAnnounced whether money may be announced, and fail.
 */
export const writeSets = ({ restMax = 0, isAnnounced = false } = {}): fc.Arbitrary<readonly Write[]> =>
  fc
    .tuple(
      histories([...CLIENTS, BRANCH.id]),
      histories([...INVOICES, BRANCH.invoice]),
      histories(UNNAMED),
      histories(PAYMENTS),
      fc.array(fc.nat(), { maxLength: 6 })
    )
    .map(([clients, owed, others, told, repeats]) => {
      const payments = isAnnounced ? told.map(untilItBounced) : told
      const named = namedAtLast(payments)
      const kept = (said: readonly History[]) => said.map((all) => all.filter((one) => one !== null))
      const withClients = { kind: 'clients' as const, ids: [...CLIENTS, BRANCH.id], said: kept(clients) }
      const invoices = { kind: 'invoices' as const, ids: [...INVOICES, BRANCH.invoice], said: kept(owed) }
      const writes = [
        ...writesOf(withClients, clientBody),
        ...writesOf(invoices, (id, one, { isLast }) => invoiceBody(id, one, isLast ? (named.get(id) ?? 0) : 0)),
        // What is applied by itself would be set against these, and keep them from being deleted.
        ...(restMax > 0 ? [] : writesOf({ kind: 'invoices', ids: UNNAMED, said: others }, (id, one) => invoiceBody(id, one, 0))),
        ...writesOf({ kind: 'payments', ids: PAYMENTS, said: payments }, (id, one, { before }) =>
          paymentBody(id, one, { restMax, before: isAnnounced ? before : null })
        )
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
type Hold = { reason: string; until_on: string | null; parts: { invoice_id: string; amount: string }[]; origin: { id: string } }

/** Applies anew what was applied automatically. */
export async function reallocate(ledger: Ledger): Promise<void> {
  for (const id of CLIENTS) {
    const url = `/v1/clients/by-ref?${new URLSearchParams({ source: SOURCE, id })}`
    const { body } = await ledger.call<Doc>('GET', url)
    await done(ledger.call('POST', `/v1/clients/${body.id}/reallocate`))
  }
}

/** All that can be read of the set's objects, without our ids, times and versions. What was deleted, or never made, is gone. */
export async function stateOf(ledger: Ledger, writes: readonly Write[]): Promise<object> {
  const last = new Map(writes.toSorted((a, b) => a.version - b.version).map(({ kind, id, body }) => [`${kind} ${id}`, body]))
  const isGone = (id: string | undefined, { status }: Doc) => status === 'void' || last.get(`payments ${id}`) === null
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
    objects: found.map(({ id, status, body }) => [id, status === 200 && !isGone(id, body) ? told(body, names) : 'gone']),
    held: await heldOf(ledger, new Map(found.flatMap(({ id, body }) => (isGone(id, body) ? [] : [[body.id, id ?? '']])))),
    waiting: data.filter(({ operation }) => operation !== 'delete').map((one) => one.ref),
    balances: await Promise.all(balances)
  }
}

/** What money that is announced holds of each invoice: it may do so in one hold or in several. */
async function heldOf(ledger: Ledger, names: ReadonlyMap<string, string>): Promise<string[]> {
  const { data } = await done(ledger.call<{ data: Hold[] }>('GET', '/v1/holds?active=true&limit=200'))
  const lines = data.flatMap(({ parts, until_on: until, origin }) =>
    parts.map(({ invoice_id: id, amount }) =>
      [names.get(origin.id) ?? 'nothing', names.get(id) ?? 'void', amount, until].join(' ')
    )
  )
  return lines.filter((line) => !line.includes('void')).toSorted()
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
