/** Claims and money of one client in one currency, as simple as they can be kept: the ledger of the service must come to the same. */
export type ModelInvoice = {
  readonly id: string
  readonly dueOn: string
  readonly totalMinor: bigint
  balanceMinor: bigint
  status: 'open' | 'paid' | 'void' | 'written_off'
}

export type ModelPayment = {
  readonly id: string
  readonly amountMinor: bigint
  receivedOn: string
  unappliedMinor: bigint
  status: 'pending' | 'settled' | 'failed' | 'reversed'
  readonly allocated: Map<string, bigint>
}

/** From when on an invoice was open, or was not. */
type Turn = Readonly<{ at: string; isOpen: boolean }>

export type ModelBooks = ReturnType<typeof createModelBooks>

export function createModelBooks() {
  const invoices: ModelInvoice[] = []
  const payments: ModelPayment[] = []
  const turns = new Map<string, Turn[]>()

  const openByDueDate = () =>
    invoices.filter(({ status }) => status === 'open').toSorted((a, b) => (a.dueOn < b.dueOn ? -1 : a.dueOn > b.dueOn ? 1 : 0))

  function move(invoice: ModelInvoice, byMinor: bigint): void {
    invoice.balanceMinor += byMinor
    if (invoice.status === 'open' || invoice.status === 'paid') invoice.status = invoice.balanceMinor > 0n ? 'open' : 'paid'
  }

  function allocate(payment: ModelPayment, invoice: ModelInvoice, wantedMinor: bigint): void {
    const minor = [wantedMinor, invoice.balanceMinor, payment.unappliedMinor].reduce((least, one) => (one < least ? one : least))
    if (minor <= 0n) return
    payment.unappliedMinor -= minor
    payment.allocated.set(invoice.id, (payment.allocated.get(invoice.id) ?? 0n) + minor)
    move(invoice, -minor)
  }

  const find = (id: string) => {
    const found = invoices.find((invoice) => invoice.id === id)
    if (found === undefined) throw new Error('The model knows every invoice.')
    return found
  }

  return {
    invoices,
    payments,
    find,

    /** What the client has is set against it at once, the oldest money first. */
    issue(invoice: Pick<ModelInvoice, 'id' | 'dueOn' | 'totalMinor'>) {
      const made: ModelInvoice = { ...invoice, balanceMinor: invoice.totalMinor, status: 'open' }
      invoices.push(made)
      const credit = payments.filter(({ status, unappliedMinor }) => status === 'settled' && unappliedMinor > 0n)
      for (const payment of credit.toSorted((a, b) => (a.receivedOn < b.receivedOn ? -1 : a.receivedOn > b.receivedOn ? 1 : 0))) {
        for (const open of openByDueDate()) allocate(payment, open, open.balanceMinor)
      }
    },

    /** Against the named invoice, else what is oldest due. */
    settle(payment: ModelPayment, named: { id: string; minor: bigint } | null) {
      payment.status = 'settled'
      payment.unappliedMinor = payment.amountMinor
      if (named !== null) allocate(payment, find(named.id), named.minor)
      else for (const invoice of openByDueDate()) allocate(payment, invoice, invoice.balanceMinor)
    },

    reverse(payment: ModelPayment) {
      payment.status = 'reversed'
      payment.unappliedMinor = 0n
      for (const [id, minor] of payment.allocated) move(find(id), minor)
      payment.allocated.clear()
    },

    close(id: string, status: 'void' | 'written_off') {
      Object.assign(find(id), { status, balanceMinor: 0n })
    },

    credit: (id: string, minor: bigint) => move(find(id), -minor),

    /** Keeps when each invoice was open, for what was dunned meanwhile. */
    note(at: string) {
      for (const { id, status } of invoices) {
        const known = turns.get(id) ?? []
        if (known.at(-1)?.isOpen !== (status === 'open')) turns.set(id, [...known, { at, isOpen: status === 'open' }])
      }
    },

    /** Whether it was open at that instant; where it turned just then, either will do. */
    wasOpen(id: string, at: string): boolean {
      const known = turns.get(id) ?? []
      const before = known.findLast((turn) => turn.at < at)
      return before?.isOpen === true || known.some((turn) => turn.at === at && turn.isOpen)
    }
  }
}
