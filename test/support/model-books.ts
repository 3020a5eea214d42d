/** Claims and money of one client in one currency, as simple as they can be kept: the ledger of the service must come to the same. */
export type ModelInvoice = {
  readonly id: string
  /** What the source calls it, by which its total is corrected. */
  readonly ref: string
  readonly issuedOn: string
  dueOn: string
  totalMinor: bigint
  balanceMinor: bigint
  /** What was written off of it and did not come in after all. */
  givenUpMinor: bigint
  status: 'open' | 'paid' | 'void' | 'written_off'
}

/** What of a payment is set against an invoice, and the latest day from which any of it counts. */
type Share = { minor: bigint; on: string; recovered: bigint }

export type ModelPayment = {
  readonly id: string
  readonly amountMinor: bigint
  readonly isReserved: boolean
  receivedOn: string
  unappliedMinor: bigint
  status: 'pending' | 'settled' | 'failed' | 'reversed'
  announcedFor: { id: string; minor: bigint } | null
  readonly allocated: Map<string, Share>
}

/** From when on an invoice was open, or was not. */
type Turn = Readonly<{ at: string; isOpen: boolean }>
/** From when on the client was exempt, and through which day; null ends it. */
type Exemption = Readonly<{ at: string; untilOn: string | null }>

export type ModelBooks = ReturnType<typeof createModelBooks>

const least = (...minors: bigint[]) => minors.reduce((smallest, one) => (one < smallest ? one : smallest))
const later = (a: string, b: string) => (a > b ? a : b)
const byDay =
  <T>(dayOf: (one: T) => string) =>
  (a: T, b: T) =>
    dayOf(a) < dayOf(b) ? -1 : dayOf(a) > dayOf(b) ? 1 : 0

export function newPayment(made: Pick<ModelPayment, 'id' | 'amountMinor' | 'receivedOn'> & Partial<ModelPayment>): ModelPayment {
  return { isReserved: false, unappliedMinor: 0n, status: 'pending', announcedFor: null, allocated: new Map(), ...made }
}

export function createModelBooks() {
  const invoices: ModelInvoice[] = []
  const payments: ModelPayment[] = []
  const turns = new Map<string, Turn[]>()
  const exemptions: Exemption[] = []
  const tookOverAt = new Map<string, string>()

  const openByDueDate = () => invoices.filter(({ status }) => status === 'open').toSorted(byDay(({ dueOn }) => dueOn))
  const paidOf = (id: string) => payments.filter(({ allocated }) => (allocated.get(id)?.minor ?? 0n) > 0n)
  const settledOf = (id: string) => payments.reduce((sum, { allocated }) => sum + (allocated.get(id)?.minor ?? 0n), 0n)

  function move(invoice: ModelInvoice, byMinor: bigint): void {
    invoice.balanceMinor += byMinor
    if (invoice.status === 'open' || invoice.status === 'paid') invoice.status = invoice.balanceMinor > 0n ? 'open' : 'paid'
  }

  function allocate(payment: ModelPayment, invoice: ModelInvoice, { minor, on }: Pick<Share, 'minor' | 'on'>): void {
    const part = least(minor, invoice.balanceMinor, payment.unappliedMinor)
    if (part <= 0n) return
    payment.unappliedMinor -= part
    const before = payment.allocated.get(invoice.id) ?? { minor: 0n, on: '', recovered: 0n }
    payment.allocated.set(invoice.id, {
      ...before,
      minor: before.minor + part,
      on: later(before.on, later(on, invoice.issuedOn))
    })
    move(invoice, -part)
  }

  /** Money for what was written off; once all of that is there, it is paid. */
  function recover(payment: ModelPayment, invoice: ModelInvoice, wantedMinor: bigint): void {
    const part = least(wantedMinor, invoice.givenUpMinor, payment.unappliedMinor)
    if (part <= 0n) return
    payment.unappliedMinor -= part
    const before = payment.allocated.get(invoice.id) ?? { minor: 0n, on: '', recovered: 0n }
    const on = later(before.on, later(payment.receivedOn, invoice.issuedOn))
    payment.allocated.set(invoice.id, { minor: before.minor + part, on, recovered: before.recovered + part })
    invoice.givenUpMinor -= part
    if (invoice.givenUpMinor === 0n) invoice.status = 'paid'
  }

  /** What was written off is given up again, and what was paid before is owed again. */
  function takeBack(id: string, share: Share): void {
    const invoice = find(id)
    const recovered = least(share.recovered, share.minor)
    const minor = share.minor - recovered
    invoice.givenUpMinor += recovered
    invoice.balanceMinor += minor
    if (minor > 0n) invoice.status = 'open'
    else if (recovered > 0n && invoice.balanceMinor === 0n) invoice.status = 'written_off'
  }

  const fill = (payment: ModelPayment, on: string) => {
    for (const invoice of openByDueDate()) allocate(payment, invoice, { minor: invoice.balanceMinor, on })
  }

  /** The oldest money first. */
  function applyCredit(): void {
    const credit = payments.filter((one) => one.status === 'settled' && !one.isReserved && one.unappliedMinor > 0n)
    for (const payment of credit.toSorted(byDay(({ receivedOn }) => receivedOn))) fill(payment, payment.receivedOn)
  }

  const find = (id: string) => {
    const found = invoices.find((invoice) => invoice.id === id)
    if (found === undefined) throw new Error('The model knows every invoice.')
    return found
  }

  /** What is claimed less than was paid goes back to who paid last. */
  function release(id: string, minor: bigint): void {
    let left = minor
    for (const payment of paidOf(id)
      .toSorted(byDay(({ allocated }) => allocated.get(id)?.on ?? ''))
      .reverse()) {
      const share = payment.allocated.get(id)
      if (share === undefined) continue
      const part = least(left, share.minor)
      left -= part
      share.minor -= part
      payment.unappliedMinor += part
      move(find(id), part)
    }
  }

  /** Takes from what is claimed: from what is open, then from what was paid. */
  function take(id: string, minor: bigint): void {
    const beyond = minor - find(id).balanceMinor
    if (beyond > 0n) release(id, beyond)
    move(find(id), -minor)
  }

  return {
    invoices,
    payments,
    find,
    isLeaving: false,
    /** When an invoice last took the place of another. */
    tookOverAt,

    /** What the client has is set against it at once. */
    issue(invoice: Pick<ModelInvoice, 'id' | 'ref' | 'issuedOn' | 'dueOn' | 'totalMinor'>) {
      invoices.push({ ...invoice, balanceMinor: invoice.totalMinor, givenUpMinor: 0n, status: 'open' })
      applyCredit()
    },

    /** Against the named invoice, else what it was announced for, else what is oldest due; nothing of what is reserved. */
    settle(payment: ModelPayment, named: { id: string; minor: bigint } | null) {
      payment.status = 'settled'
      payment.unappliedMinor = payment.amountMinor
      const wanted = named ?? payment.announcedFor
      if (wanted !== null) allocate(payment, find(wanted.id), { minor: wanted.minor, on: payment.receivedOn })
      else if (!payment.isReserved) fill(payment, payment.receivedOn)
    },

    /** By hand, what is reserved too. */
    spend(payment: ModelPayment, named: { id: string; minor: bigint } | null, on: string) {
      if (named === null) fill(payment, on)
      else allocate(payment, find(named.id), { minor: named.minor, on })
    },

    reverse(payment: ModelPayment) {
      payment.status = 'reversed'
      payment.unappliedMinor = 0n
      for (const [id, share] of payment.allocated) takeBack(id, share)
      payment.allocated.clear()
    },

    close(id: string, status: 'void' | 'written_off') {
      const invoice = find(id)
      if (status === 'written_off') invoice.givenUpMinor += invoice.balanceMinor
      Object.assign(invoice, { status, balanceMinor: 0n })
    },

    recover(payment: ModelPayment, { id, minor: wantedMinor }: { id: string; minor: bigint }) {
      recover(payment, find(id), wantedMinor)
    },

    /** Announced money goes to what replaces it, if that is open. */
    replace(id: string, by: string, at: string) {
      Object.assign(find(id), { status: 'void', balanceMinor: 0n })
      if (find(by).status !== 'open') return
      tookOverAt.set(by, at)
      for (const { status, announcedFor } of payments) {
        if (status === 'pending' && announcedFor?.id === id) announcedFor.id = by
      }
    },

    settledOf,
    /** Whether it is the service's to choose which of several payments of one day it takes from. */
    isAmbiguous: (id: string) => new Set(paidOf(id).map(({ allocated }) => allocated.get(id)?.on)).size < paidOf(id).length,

    credit: take,

    /** A higher total uses what the client has. */
    correct(id: string, totalMinor: bigint) {
      const byMinor = totalMinor - find(id).totalMinor
      find(id).totalMinor = totalMinor
      if (byMinor < 0n) take(id, -byMinor)
      else move(find(id), byMinor)
      if (byMinor > 0n) applyCredit()
    },

    exempt: (exemption: Exemption) => exemptions.push(exemption),

    /** Whether the client was exempt on the day, as it had been said before that instant. */
    wasExempt(on: string, at: string): boolean {
      const untilOn = exemptions.findLast((one) => one.at < at)?.untilOn ?? null
      return untilOn !== null && on <= untilOn && !exemptions.some((one) => one.at === at)
    },

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
