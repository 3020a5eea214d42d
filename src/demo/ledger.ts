import { createReadStream } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { type Day, day, isTimeZone } from '../kernel/day.ts'
import { DomainError } from '../kernel/errors.ts'
import { type Currency, currency, exponentOf, parseAmount } from '../kernel/money.ts'
import { type Line, linesOf } from './lines.ts'

/** Money that arrived for an invoice on a day. The amount is in the invoice's currency, in minor units, above 0. */
export type LedgerPayment = Readonly<{ on: Day; amountMinor: bigint }>

/**
 * An invoice with what was paid for it. `line` is where it stood in its file (1 is the header). The payments stand in the order of
 * their days; they may sum to less than the amount (unpaid rest) or to more (the rest is the client's credit).
 */
export type LedgerRow = Readonly<{
  line: number
  client: string
  clientName: string
  locale: string | undefined
  timeZone: string | undefined
  invoice: string
  issuedOn: Day
  dueOn: Day
  amountMinor: bigint
  currency: Currency
  disputed: boolean
  payments: readonly LedgerPayment[]
}>

/** Why a line of the file was left out, as a sentence that names the field and the rule. */
export type LedgerProblem = Readonly<{ line: number; problem: string }>

export type Ledger = Readonly<{ rows: LedgerRow[]; problems: LedgerProblem[] }>

/** The file as a whole is no ledger: it cannot be opened, is empty, or lacks the header. Its message says which. */
export class LedgerFileError extends Error {
  override readonly name = 'LedgerFileError'
}

const REQUIRED = ['client', 'invoice', 'issued_on', 'due_on', 'paid_on', 'amount', 'currency', 'disputed'] as const
const OPTIONAL = ['client_name', 'locale', 'time_zone'] as const
type Column = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number]

/** Lines that are parsed in one call: parsing one by one takes ten times as long, and all at once holds the file in memory. */
const BATCH_LINES = 1_000
const MAX_TEXT_CHARACTERS = 200

export type LedgerOptions = Readonly<{
  /**
   * `positive`: what can be posted. `lenient`: a blank amount is 0, 0 may stand, and decimals that the currency does not have are cut
   * off, for whoever learns from the ledger and bills nobody.
   */
  amounts?: 'positive' | 'lenient'
}>

/** Reads the ledger at `path`, see `readLedger`. */
export async function openLedger(path: string, options: LedgerOptions = {}): Promise<Ledger> {
  try {
    return await readLedger(createReadStream(path), options)
  } catch (error) {
    if (error instanceof LedgerFileError) throw new LedgerFileError(`${path}: ${error.message}`)
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === '') throw error
    throw new LedgerFileError(`${path} cannot be read (${code}).`)
  }
}

/**
 * Reads a ledger in CSV (UTF-8, comma, a header with the columns of `REQUIRED` in any order, optionally those of `OPTIONAL`;
 * further columns are passed over). A row is one line. A row that breaks a rule becomes a problem with its line number and all
 * others load. Throws LedgerFileError when there is no usable header.
 */
export async function readLedger(
  source: AsyncIterable<Uint8Array | string>,
  { amounts = 'positive' }: LedgerOptions = {}
): Promise<Ledger> {
  const ledger: Ledger = { rows: [], problems: [] }
  const lineOfInvoice = new Map<string, number>()
  let columns: Map<Column, number> | undefined
  let width = 0
  let batch: Line[] = []
  const load = () => {
    if (columns === undefined) return
    for (const { line, fields, problem } of recordsOf(batch)) {
      const outcome = problem ?? rowFrom(fields, { line, columns, width, lineOfInvoice, amounts })
      if (typeof outcome === 'string') ledger.problems.push({ line, problem: outcome })
      else ledger.rows.push(outcome)
    }
    batch = []
  }
  for await (const line of linesOf(source)) {
    if (columns === undefined) {
      const header = headerFrom(line)
      columns = columnsFrom(header)
      width = header.length
    } else if (line.text.trim() !== '') {
      batch.push(line)
      if (batch.length === BATCH_LINES) load()
    }
  }
  if (columns === undefined) throw new LedgerFileError('The file is empty.')
  load()
  return ledger
}

function headerFrom(line: Line): string[] {
  const [record] = recordsOf([{ ...line, text: line.text.replace(/^\uFEFF/, '') }])
  if (record === undefined || record.problem !== undefined) throw new LedgerFileError('The first line is not a CSV header.')
  return record.fields.map((name) => name.trim().toLowerCase())
}

function columnsFrom(header: readonly string[]): Map<Column, number> {
  const missing = REQUIRED.filter((name) => !header.includes(name))
  if (missing.length > 0) {
    const found = header.join(',').slice(0, MAX_TEXT_CHARACTERS)
    throw new LedgerFileError(`The header lacks ${missing.join(', ')}. It must name ${REQUIRED.join(',')}; it says ${found}`)
  }
  const columns = new Map<Column, number>()
  for (const name of [...REQUIRED, ...OPTIONAL]) {
    const index = header.indexOf(name)
    if (index !== header.lastIndexOf(name)) throw new LedgerFileError(`The header names ${name} twice.`)
    if (index >= 0) columns.set(name, index)
  }
  return columns
}

type Fields = Readonly<{ line: number; fields: string[]; problem?: string }>

/**
 * The fields of each line. All lines are parsed at once; where that fails, or where an open quote glued lines together, each is
 * parsed alone, so that one broken quote costs one row and not the rest of the file.
 */
function recordsOf(lines: readonly Line[]): Fields[] {
  const whole = lines.some((line) => line.tooLong) ? undefined : parsed(lines.map((line) => line.text).join('\n'))
  if (whole?.length === lines.length) return lines.map((line, index) => ({ line: line.number, fields: whole[index] ?? [] }))
  return lines.map((line) => {
    if (line.tooLong) return { line: line.number, fields: [], problem: 'The line is too long.' }
    const fields = parsed(line.text)?.[0]
    const problem = 'The quotes are broken: a quoted field must end on its line, and a quote within it is doubled.'
    return fields === undefined ? { line: line.number, fields: [], problem } : { line: line.number, fields }
  })
}

function parsed(text: string): string[][] | undefined {
  try {
    return parse(text, { relax_column_count: true, record_delimiter: '\n' })
  } catch {
    return undefined
  }
}

type RowContext = Required<LedgerOptions> &
  Readonly<{ line: number; columns: Map<Column, number>; width: number; lineOfInvoice: Map<string, number> }>

/** A refused field. Caught in `rowFrom`, where it becomes the row's problem. */
class FieldRefused extends Error {}

function rowFrom(fields: readonly string[], context: RowContext): LedgerRow | string {
  if (fields.length !== context.width) return `The row has ${fields.length} fields, the header ${context.width}.`
  const field = (name: Column): string => fields[context.columns.get(name) ?? -1]?.trim() ?? ''
  try {
    const invoice = textOf('invoice', field('invoice'))
    const taken = context.lineOfInvoice.get(invoice)
    if (taken !== undefined) throw new FieldRefused(`invoice ${invoice} is already on line ${taken}.`)
    const row = readRow(field, { ...context, invoice })
    context.lineOfInvoice.set(invoice, context.line)
    return row
  } catch (error) {
    if (error instanceof FieldRefused) return error.message
    throw error
  }
}

function readRow(
  field: (name: Column) => string,
  { line, invoice, amounts }: Pick<RowContext, 'line' | 'amounts'> & { invoice: string }
): LedgerRow {
  const client = textOf('client', field('client'))
  const inCurrency = ruled('currency', field('currency'), currency)
  const amountMinor = (amounts === 'lenient' ? lenientAmountOf : amountOf)(field('amount'), inCurrency)
  const paidOn = field('paid_on') === '' ? undefined : ruled('paid_on', field('paid_on'), day)
  return {
    line,
    client,
    clientName: field('client_name') === '' ? client : textOf('client_name', field('client_name')),
    locale: optional('locale', field('locale'), isLocale),
    timeZone: optional('time_zone', field('time_zone'), isTimeZone),
    invoice,
    issuedOn: ruled('issued_on', field('issued_on'), day),
    dueOn: ruled('due_on', field('due_on'), day),
    amountMinor,
    currency: inCurrency,
    disputed: flagOf('disputed', field('disputed')),
    payments: paidOn === undefined ? [] : [{ on: paidOn, amountMinor }]
  }
}

function textOf(name: Column, text: string): string {
  if (text === '') throw new FieldRefused(`${name} is missing.`)
  if (text.length > MAX_TEXT_CHARACTERS) throw new FieldRefused(`${name} has more than ${MAX_TEXT_CHARACTERS} characters.`)
  if (/[\p{Cc}\uFFFD]/u.test(text)) throw new FieldRefused(`${name} holds control characters or is not UTF-8.`)
  return text
}

function amountOf(text: string, inCurrency: Currency): bigint {
  if (/^-\s*[\d.]+$/.test(text)) throw new FieldRefused(`amount ${shown(text)}: must be above 0.`)
  const minor = ruled('amount', text, (amount) => parseAmount(amount, inCurrency))
  if (minor <= 0n) throw new FieldRefused(`amount ${shown(text)}: must be above 0.`)
  return minor
}

function lenientAmountOf(text: string, inCurrency: Currency): bigint {
  const [whole = '', decimals = ''] = (text === '' ? '0' : text).split('.')
  const kept = decimals.slice(0, exponentOf(inCurrency))
  return ruled('amount', kept === '' ? whole : `${whole}.${kept}`, (amount) => parseAmount(amount, inCurrency))
}

function flagOf(name: Column, text: string): boolean {
  if (text !== '' && text !== 'true' && text !== 'false') throw new FieldRefused(`${name} ${shown(text)}: must be true or false.`)
  return text === 'true'
}

function optional(name: Column, text: string, accepts: (text: string) => boolean): string | undefined {
  if (text === '') return undefined
  if (!accepts(text)) throw new FieldRefused(`${name} ${shown(text)} is unknown.`)
  return text
}

/** A BCP 47 language tag, as the service takes it. */
function isLocale(text: string): boolean {
  try {
    return text.length <= 35 && Intl.getCanonicalLocales(text).length === 1
  } catch {
    return false
  }
}

/** Reads a field by a rule of the kernel; the refusal's own sentence follows the field's name. */
function ruled<T>(name: Column, text: string, rule: (text: string) => T): T {
  if (text === '') throw new FieldRefused(`${name} is missing.`)
  try {
    return rule(text)
  } catch (error) {
    if (error instanceof DomainError) throw new FieldRefused(`${name} ${shown(text)}: ${error.message}`)
    throw error
  }
}

/** A value as a message may show it: quoted, on one line, cut short. */
function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
