import {
  balanceOf,
  byDay,
  type Exemption,
  lastDueOn,
  later,
  least,
  type ModelInvoice,
  type ModelPart,
  type ModelPayment,
  onlyPart,
  type Share,
  type Turn
} from './model-claims.ts'

export type ModelBooks = ReturnType<typeof createModelBooks>

export function createModelBooks() {
  const invoices: ModelInvoice[] = []
  const payments: ModelPayment[] = []
  const turns = new Map<string, Turn[]>()
  const exemptions: Exemption[] = []
  const tookOverAt = new Map<string, string>()

  const claims = () => invoices.flatMap((invoice) => invoice.parts.map((part) => ({ invoice, part })))
  const openByDueDate = () =>
    claims()
      .filter(({ invoice, part }) => invoice.status === 'open' && part.balanceMinor > 0n)
      .toSorted(byDay(({ invoice, part }) => `${part.dueOn} ${invoice.issuedOn} ${invoice.number} ${invoice.ref}`))
  const shareOf = ({ allocated }: ModelPayment, id: string) =>
    find(id).parts.reduce((sum, { key }) => sum + (allocated.get(key)?.minor ?? 0n), 0n)
  const paidOf = (id: string) => payments.filter((payment) => shareOf(payment, id) > 0n)
  const settledOf = (id: string) => payments.reduce((sum, payment) => sum + shareOf(payment, id), 0n)

  function move(invoice: ModelInvoice, part: ModelPart, byMinor: bigint): void {
    part.balanceMinor += byMinor
    if (invoice.status === 'open' || invoice.status === 'paid') invoice.status = balanceOf(invoice) > 0n ? 'open' : 'paid'
  }

  function allocate(
    payment: ModelPayment,
    { invoice, part }: { invoice: ModelInvoice; part: ModelPart },
    { minor, on }: Pick<Share, 'minor' | 'on'>
  ): bigint {
    const amount = least(minor, part.balanceMinor, payment.unappliedMinor)
    if (amount <= 0n) return 0n
    payment.unappliedMinor -= amount
    const before = payment.allocated.get(part.key) ?? { minor: 0n, on: '', recovered: 0n }
    payment.allocated.set(part.key, {
      ...before,
      minor: before.minor + amount,
      on: later(before.on, later(on, invoice.issuedOn))
    })
    move(invoice, part, -amount)
    return amount
  }

  /** Against an invoice that is named: of its parts, what falls due first. */
  function allocateTo(payment: ModelPayment, { id, minor }: { id: string; minor: bigint }, on: string): void {
    let left = minor
    for (const claim of openByDueDate()) if (claim.invoice.id === id) left -= allocate(payment, claim, { minor: left, on })
  }

  /** Money for what was written off; once all of that is there, it is paid. */
  function recover(payment: ModelPayment, invoice: ModelInvoice, wantedMinor: bigint): void {
    const part = least(wantedMinor, invoice.givenUpMinor, payment.unappliedMinor)
    if (part <= 0n) return
    payment.unappliedMinor -= part
    const { key } = onlyPart(invoice)
    const before = payment.allocated.get(key) ?? { minor: 0n, on: '', recovered: 0n }
    const on = later(before.on, later(payment.receivedOn, invoice.issuedOn))
    payment.allocated.set(key, { minor: before.minor + part, on, recovered: before.recovered + part })
    invoice.givenUpMinor -= part
    if (invoice.givenUpMinor === 0n) invoice.status = 'paid'
  }

  /** What was written off is given up again, and what was paid before is owed again. */
  function takeBack(key: string, share: Share): void {
    const { invoice, part } = claimOf(key)
    const recovered = least(share.recovered, share.minor)
    const minor = share.minor - recovered
    invoice.givenUpMinor += recovered
    part.balanceMinor += minor
    if (minor > 0n) invoice.status = 'open'
    else if (recovered > 0n && balanceOf(invoice) === 0n) invoice.status = 'written_off'
  }

  const fill = (payment: ModelPayment, on: string) => {
    if (payment.isParents) return
    for (const claim of openByDueDate()) allocate(payment, claim, { minor: claim.part.balanceMinor, on })
  }

  /** The oldest money first, of one day by what its source calls it, and last what no source calls anything. */
  function applyCredit(): void {
    const credit = payments.filter(
      (one) => one.status === 'settled' && !one.isReserved && !one.isParents && one.unappliedMinor > 0n
    )
    for (const payment of credit.toSorted(byDay(({ receivedOn, ref }) => `${receivedOn} ${ref ?? '~'}`)))
      fill(payment, payment.receivedOn)
  }

  const find = (id: string) => {
    const found = invoices.find((invoice) => invoice.id === id)
    if (found === undefined) throw new Error('The model knows every invoice.')
    return found
  }
  const claimOf = (key: string) => {
    const found = claims().find(({ part }) => part.key === key)
    if (found === undefined) throw new Error('The model knows every part.')
    return found
  }

  const shut = (invoice: ModelInvoice, status: 'void' | 'written_off') => {
    invoice.status = status
    for (const part of invoice.parts) part.balanceMinor = 0n
  }

  /** What is claimed less than was paid goes back to who paid last. */
  function release(id: string, minor: bigint): void {
    let left = minor
    const part = onlyPart(find(id))
    for (const payment of paidOf(id)
      .toSorted(byDay(({ allocated }) => allocated.get(part.key)?.on ?? ''))
      .reverse()) {
      const share = payment.allocated.get(part.key)
      if (share === undefined) continue
      const amount = least(left, share.minor)
      left -= amount
      share.minor -= amount
      payment.unappliedMinor += amount
      move(find(id), part, amount)
    }
  }

  /** Takes from what is claimed: from what is open, then from what was paid. */
  function take(id: string, minor: bigint): void {
    const part = onlyPart(find(id))
    const beyond = minor - part.balanceMinor
    if (beyond > 0n) release(id, beyond)
    move(find(id), part, -minor)
  }

  return {
    invoices,
    payments,
    find,
    isLeaving: false,
    /** When an invoice last took the place of another. */
    tookOverAt,

    /** What the client has is set against it at once. */
    issue(
      invoice: Omit<ModelInvoice, 'parts' | 'givenUpMinor' | 'status' | 'totalMinor'>,
      schedule: readonly Readonly<{ dueOn: string; minor: bigint }>[]
    ) {
      const parts = schedule.map(({ dueOn, minor }, at) => ({
        ...{ key: at === 0 ? invoice.id : `${invoice.id}/${at}`, dueOn, balanceMinor: minor }
      }))
      const totalMinor = parts.reduce((sum, { balanceMinor }) => sum + balanceMinor, 0n)
      invoices.push({ ...invoice, parts, totalMinor, givenUpMinor: 0n, status: 'open' })
      applyCredit()
    },

    /** Against the named invoice, else what it was announced for, else what is oldest due; nothing of what is reserved. */
    settle(payment: ModelPayment, named: { id: string; minor: bigint } | null) {
      payment.status = 'settled'
      payment.unappliedMinor = payment.amountMinor
      const wanted = named ?? payment.announcedFor
      payment.isAutomatic = wanted === null && !payment.isReserved
      if (wanted !== null) allocateTo(payment, wanted, payment.receivedOn)
      else if (!payment.isReserved) fill(payment, payment.receivedOn)
    },

    /** By hand, what is reserved too. */
    spend(payment: ModelPayment, named: { id: string; minor: bigint } | null, on: string) {
      payment.isAutomatic = false
      if (named === null) fill(payment, on)
      else allocateTo(payment, named, on)
    },

    reverse(payment: ModelPayment) {
      payment.status = 'reversed'
      payment.unappliedMinor = 0n
      for (const [key, share] of payment.allocated) takeBack(key, share)
      payment.allocated.clear()
    },

    close(id: string, status: 'void' | 'written_off') {
      const invoice = find(id)
      if (status === 'written_off') invoice.givenUpMinor += balanceOf(invoice)
      shut(invoice, status)
    },

    recover(payment: ModelPayment, { id, minor: wantedMinor }: { id: string; minor: bigint }) {
      recover(payment, find(id), wantedMinor)
    },

    /** Announced money goes to what replaces it, if that is open. */
    replace(id: string, by: string, at: string) {
      shut(find(id), 'void')
      if (find(by).status !== 'open') return
      tookOverAt.set(by, at)
      for (const { status, announcedFor } of payments) {
        if (status === 'pending' && announcedFor?.id === id) announcedFor.id = by
      }
    },

    settledOf,
    /** Whether it is the service's to choose which of several payments of one day it takes from. */
    isAmbiguous: (id: string) =>
      find(id).parts.length > 1 || new Set(paidOf(id).map(({ allocated }) => allocated.get(id)?.on)).size < paidOf(id).length,

    /** What the service says it moved: back from an invoice where it is less than nothing. Of invoices that fall due at once. */
    reallocate(moved: readonly Readonly<{ paymentId: string; invoiceId: string; minor: bigint }>[]) {
      const of = (paymentId: string) => {
        const payment = payments.find(({ id }) => id === paymentId)
        if (payment === undefined) throw new Error('The model knows every payment.')
        return payment
      }
      for (const { paymentId, invoiceId, minor } of moved.filter(({ minor }) => minor < 0n)) {
        const share = of(paymentId).allocated.get(invoiceId)
        if (share === undefined || share.minor < -minor) throw new Error('More was moved than was there.')
        share.minor += minor
        of(paymentId).unappliedMinor -= minor
        move(find(invoiceId), onlyPart(find(invoiceId)), -minor)
      }
      for (const { paymentId, invoiceId, minor } of moved.filter(({ minor }) => minor > 0n))
        allocateTo(of(paymentId), { id: invoiceId, minor }, of(paymentId).receivedOn)
    },

    /** Whether money that nobody named stands on something while the client owes what fell due before it. */
    isMisapplied(): boolean {
      const [oldest] = openByDueDate()
      return payments.some(
        ({ isAutomatic, status, allocated }) =>
          isAutomatic &&
          status === 'settled' &&
          [...allocated].some(
            ([key, { minor }]) => minor > 0n && oldest !== undefined && claimOf(key).part.dueOn > oldest.part.dueOn
          )
      )
    },

    credit: take,

    /** A higher total uses what the client has. */
    correct(id: string, totalMinor: bigint) {
      const byMinor = totalMinor - find(id).totalMinor
      find(id).totalMinor = totalMinor
      if (byMinor < 0n) take(id, -byMinor)
      else move(find(id), onlyPart(find(id)), byMinor)
      if (byMinor > 0n) applyCredit()
    },

    /** Of one in parts, the last day can only be said again. */
    reschedule(id: string, dueOn: string) {
      if (dueOn !== lastDueOn(find(id))) onlyPart(find(id)).dueOn = dueOn
    },

    exempt: (exemption: Exemption) => exemptions.push(exemption),

    /** Whether the client was exempt on the day, as it had been said before that instant. */
    wasExempt(on: string, at: string): boolean {
      const untilOn = exemptions.findLast((one) => one.at < at)?.untilOn ?? null
      return untilOn !== null && on <= untilOn && !exemptions.some((one) => one.at === at)
    },

    /** Whether what falls due of it on that day is open. */
    isOpenOn: (id: string, dueOn: string): boolean =>
      find(id).status === 'open' && find(id).parts.some((part) => part.dueOn === dueOn && part.balanceMinor > 0n),

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
