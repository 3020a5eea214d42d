import { day } from '../../kernel/day.ts'
import { type Currency, formatAmount, storedCurrency } from '../../kernel/money.ts'
import { restatedOwned } from '../pending-writes/parent-client.ts'
import { amountAt, dueTermsFrom } from './input.ts'
import type { Part } from './invoice.ts'
import { partsUnder, type StandingPart } from './parts.ts'
import type { InvoiceDocument, PutInvoiceBody } from './schemas.ts'

/**
 * A body, with what its source states since: what is not stated stays. The total and the due days follow the rule for an invoice that is
 * there, so that it does not matter whether the two met before the invoice was issued.
 * @param standing the parts that the body before stands for; by its own words unless given.
 * @throws DomainError naming the field.
 */
export function restated(
  before: PutInvoiceBody,
  said: PutInvoiceBody,
  standing: readonly StandingPart[] = standingIn(before, said.currency)
): PutInvoiceBody {
  const whole: PutInvoiceBody = restatedOwned(before, said)
  if (!statesTerms(said) || standing.length === 0 || whole.currency === undefined) return whole
  const of = storedCurrency(whole.currency)
  const parts = partsUnder(dueTermsFrom(said, of), standing)
  const { due_on: _, due_schedule: __, ...rest } = whole
  return { ...rest, ...dueOf(parts, of) }
}

/**
 * The same of a body that waits while the invoice is there: what neither states stays as the invoice has it.
 * @param how.anew the invoice as the body before issues it anew; `isInParts` of the invoice as it is.
 */
export function restatedOver(
  before: PutInvoiceBody,
  said: PutInvoiceBody,
  { anew, isInParts }: { anew: PutInvoiceBody; isInParts: boolean }
): PutInvoiceBody {
  const whole: PutInvoiceBody = restatedOwned(before, said)
  const code = whole.currency ?? anew.currency
  if (!statesTerms(said) || code === undefined) return whole
  const of = storedCurrency(code)
  const parts = partsUnder(dueTermsFrom(said, of), standingIn(anew, said.currency))
  const { due_on: _, due_schedule: __, ...rest } = whole
  // A due day does not take the place of parts that are there: one part does.
  return { ...rest, ...(isInParts ? { due_schedule: scheduleOf(parts, of) } : dueOf(parts, of)) }
}

function statesTerms({ total, due_on: dueOn, due_schedule: schedule }: PutInvoiceBody): boolean {
  return total !== undefined || dueOn !== undefined || schedule !== undefined
}

function scheduleOf(parts: readonly Part[], of: Currency): NonNullable<PutInvoiceBody['due_schedule']> {
  return parts.map(({ dueOn, amountMinor }) => ({ due_on: dueOn, amount: formatAmount(amountMinor, of) }))
}

function dueOf(parts: readonly Part[], of: Currency): Pick<PutInvoiceBody, 'due_on' | 'due_schedule'> {
  const [first, second] = parts
  if (first !== undefined && second === undefined) return { due_on: first.dueOn }
  return { due_schedule: scheduleOf(parts, of) }
}

/** Nothing where the body leaves the due day to the terms of the client: then there is nothing that what is stated could change. */
function standingIn(body: PutInvoiceBody, otherCurrency: string | undefined): StandingPart[] {
  const { total, due_on: dueOn, due_schedule: schedule, currency: code = otherCurrency } = body
  if (code === undefined || total === undefined) return []
  const parts = schedule ?? (dueOn === undefined ? [] : [{ due_on: dueOn, amount: total }])
  return standingParts(
    parts.map((part) => ({ ...part, balance: part.amount })),
    { code, otherCurrency }
  )
}

/** What is open of the parts of an invoice, and what was paid: of what is not open, nothing was credited. */
export function standingOf(
  { due_schedule: parts, currency: code }: InvoiceDocument,
  otherCurrency: string | undefined
): StandingPart[] {
  return standingParts(parts, { code, otherCurrency })
}

type WrittenPart = Readonly<{ due_on: string; amount: string; balance: string }>

/** Amounts of several parts go on in another currency; that of one follows the total, whatever it was. */
function standingParts(
  parts: readonly WrittenPart[],
  { code, otherCurrency = code }: { code: string; otherCurrency: string | undefined }
): StandingPart[] {
  const of = storedCurrency(parts.length > 1 ? otherCurrency : code)
  return parts.map(({ due_on: dueOn, amount, balance }, index) => {
    const pointer = `/due_schedule/${index}/amount`
    const amountMinor = amountAt(amount, { of, pointer })
    const balanceMinor = amountAt(balance, { of, pointer })
    return { obligationId: String(index), dueOn: day(dueOn), amountMinor, balanceMinor, settledMinor: amountMinor - balanceMinor }
  })
}
