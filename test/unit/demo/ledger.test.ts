import { existsSync } from 'node:fs'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { LedgerFileError, openLedger, readLedger } from '../../../src/demo/ledger.ts'

const header = 'client,invoice,issued_on,due_on,paid_on,amount,currency,disputed'
const good = 'C1,A-1,2025-01-01,2025-01-31,2025-02-03,85855.04,USD,false'

function read(...lines: string[]) {
  return readLedger(Readable.from([lines.join('\n')]))
}

/** The problems of one row between two good ones, which must both load. */
async function problemOf(line: string): Promise<string> {
  const { rows, problems } = await read(header, good, line, good.replace('A-1', 'A-9'))
  expect(rows.map((row) => [row.line, row.invoice])).toEqual([
    [2, 'A-1'],
    [4, 'A-9']
  ])
  expect(problems.map((problem) => problem.line)).toEqual([3])
  return problems[0]?.problem ?? ''
}

describe('reading a ledger', () => {
  it('turns a row into an invoice with its payment, exact to the minor unit', async () => {
    const { rows, problems } = await read(header, good)
    expect(problems).toEqual([])
    expect(rows).toEqual([
      {
        line: 2,
        client: 'C1',
        clientName: 'C1',
        locale: undefined,
        timeZone: undefined,
        invoice: 'A-1',
        issuedOn: '2025-01-01',
        dueOn: '2025-01-31',
        amountMinor: 8_585_504n,
        currency: 'USD',
        disputed: false,
        payments: [{ on: '2025-02-03', amountMinor: 8_585_504n }]
      }
    ])
  })

  it.each([
    ['91448.7', 'USD', 9_144_870n],
    ['20320.0', 'BRL', 2_032_000n],
    ['12', 'JPY', 12n],
    ['1.125', 'KWD', 1_125n],
    ['0.01', 'EUR', 1n]
  ])('reads %s %s as %d minor units', async (amount, currency, minor) => {
    const { rows } = await read(header, `C1,A-1,2025-01-01,2025-01-31,,${amount},${currency},true`)
    expect(rows.map((row) => [row.amountMinor, row.disputed, row.payments])).toEqual([[minor, true, []]])
  })

  it('takes a blank amount as 0, and cuts decimals off, for whoever only learns from the ledger', async () => {
    const amounts = ['', '0', '12', '12.345', '-3', 'x'].map(
      (amount, n) => `C1,A-${n},2025-01-01,2025-01-31,,${amount},EUR,false`
    )
    const source = () => Readable.from([[header, ...amounts].join('\n')])
    const lenient = await readLedger(source(), { amounts: 'lenient' })
    expect(lenient.rows.map(({ amountMinor }) => amountMinor)).toEqual([0n, 0n, 1200n, 1234n])
    expect(lenient.problems.map(({ line }) => line)).toEqual([6, 7])
    expect((await readLedger(source())).rows.map(({ amountMinor }) => amountMinor)).toEqual([1200n])
  })

  it('takes the columns in any order, with names, locales and zones, a byte order mark and Windows line ends', async () => {
    const { rows, problems } = await readLedger(
      Readable.from([
        '\uFEFFAmount,currency,due_on,issued_on,paid_on,invoice,client,client_name,locale,time_zone,disputed,branch\r\n',
        '5.00,ILS,2025-02-01,2025-01-01,,7,C9,"כהן, ""ובניו""",he,Asia/Jerusalem,,north\r\n'
      ])
    )
    expect(problems).toEqual([])
    expect(rows).toMatchObject([{ line: 2, client: 'C9', clientName: 'כהן, "ובניו"', locale: 'he', timeZone: 'Asia/Jerusalem' }])
  })

  it('reads the same however the bytes are cut, within a letter too', async () => {
    const bytes = Buffer.from(`${header},client_name\n${good},Şəki پَرنیان\n`)
    const { rows } = await readLedger(Readable.from([...bytes].map((byte) => Uint8Array.of(byte))))
    expect(rows.map((row) => row.clientName)).toEqual(['Şəki پَرنیان'])
  })

  it('skips blank lines and still counts them', async () => {
    const { problems } = await read(header, '', good, '   ', 'C1')
    expect(problems).toEqual([{ line: 5, problem: 'The row has 1 fields, the header 8.' }])
  })
})

describe('a row that cannot be read is named by its line, and the others load', () => {
  it.each([
    ['no amount', 'C1,A-2,2025-01-01,2025-01-31,,,USD,false', 'amount is missing.'],
    ['no client', ',A-2,2025-01-01,2025-01-31,,1,USD,false', 'client is missing.'],
    ['no invoice', 'C1, ,2025-01-01,2025-01-31,,1,USD,false', 'invoice is missing.'],
    ['no due day', 'C1,A-2,2025-01-01,,,1,USD,false', 'due_on is missing.'],
    ['an amount of nothing', 'C1,A-2,2025-01-01,2025-01-31,,0.00,USD,false', 'amount "0.00": must be above 0.'],
    ['a negative amount', 'C1,A-2,2025-01-01,2025-01-31,,-5,USD,false', 'amount "-5": must be above 0.'],
    ['a currency of its own', 'C1,A-2,2025-01-01,2025-01-31,,5,IRT,false', /^currency "IRT": /],
    ['a day that never was', 'C1,A-2,2025-02-29,2025-03-31,,5,USD,false', /^issued_on "2025-02-29": /],
    ['a day in another form', 'C1,A-2,2025-01-01,31/01/2025,,5,USD,false', /^due_on "31\/01\/2025": /],
    ['a payment day that never was', 'C1,A-2,2025-01-01,2025-01-31,soon,5,USD,false', /^paid_on "soon": /],
    ['too many decimals', 'C1,A-2,2025-01-01,2025-01-31,,5.001,USD,false', /^amount "5\.001": /],
    ['decimals where there are none', 'C1,A-2,2025-01-01,2025-01-31,,5.0,JPY,false', /^amount "5\.0": /],
    ['an exponent', 'C1,A-2,2025-01-01,2025-01-31,,5e3,USD,false', /^amount "5e3": /],
    ['a thousands separator', 'C1,A-2,2025-01-01,2025-01-31,,"5,000",USD,false', /^amount "5,000": /],
    ['no flag', 'C1,A-2,2025-01-01,2025-01-31,,5,USD,maybe', 'disputed "maybe": must be true or false.'],
    ['a number twice', 'C2,A-1,2025-01-01,2025-01-31,,5,USD,false', 'invoice A-1 is already on line 2.'],
    ['a field too few', 'C1,A-2,2025-01-01,2025-01-31,,5,USD', 'The row has 7 fields, the header 8.'],
    ['a field too many', 'C1,A-2,2025-01-01,2025-01-31,,5,USD,false,', 'The row has 9 fields, the header 8.'],
    ['an open quote', 'C1,"A-2,2025-01-01,2025-01-31,,5,USD,false', /^The quotes are broken/],
    ['a stray quote', 'C1,A"2,2025-01-01,2025-01-31,,5,USD,false', /^The quotes are broken/],
    ['a quote that ends early', 'C1,"A"2",2025-01-01,2025-01-31,,5,USD,false', /^The quotes are broken/],
    ['a control character', 'C\u001b1,A-2,2025-01-01,2025-01-31,,5,USD,false', /^client holds control characters/],
    ['an endless line', `C1,${'A'.repeat(70_000)},2025-01-01,2025-01-31,,5,USD,false`, 'The line is too long.'],
    ['an endless number', `C1,${'A'.repeat(300)},2025-01-01,2025-01-31,,5,USD,false`, 'invoice has more than 200 characters.']
  ])('%s', async (_, line, problem) => {
    expect(await problemOf(line)).toMatch(problem instanceof RegExp ? problem : new RegExp(`^${RegExp.escape(problem)}$`))
  })

  it('two broken quotes do not swallow the good rows between them', async () => {
    const broken = (number: string) => `C1,"${number},2025-01-01,2025-01-31,,5,USD,false`
    const { rows, problems } = await read(header, broken('B-1'), good, broken('B-2'), good.replace('A-1', 'A-2'))
    expect(rows.map((row) => row.line)).toEqual([3, 5])
    expect(problems.map((problem) => problem.line)).toEqual([2, 4])
  })

  it('a refused row does not take its number', async () => {
    const { rows } = await read(header, good.replace('85855.04', ''), good)
    expect(rows.map((row) => row.line)).toEqual([3])
  })

  it('names unknown locales and zones', async () => {
    const row = (locale: string, zone: string) => `${good.replace('A-1', locale + zone)},${locale},${zone}`
    const { rows, problems } = await read(
      `${header},locale,time_zone`,
      row('fa', 'Mars/Base'),
      row('persian!', 'UTC'),
      row('fa', '')
    )
    expect(rows.map((found) => found.line)).toEqual([4])
    expect(problems.map(({ problem }) => problem)).toEqual(['time_zone "Mars/Base" is unknown.', 'locale "persian!" is unknown.'])
  })
})

describe('a file that is no ledger', () => {
  it.each([
    ['an empty file', '', /^The file is empty/],
    ['rows without a header', `${good}\n${good}`, /^The header lacks client, invoice, issued_on/],
    ['a header with semicolons', header.replaceAll(',', ';'), /^The header lacks client/],
    ['a header without amounts', header.replace(',amount', ''), /^The header lacks amount\. It must name client,/],
    ['a column twice', `${header},amount`, /^The header names amount twice/],
    ['a broken header', `"${header}`, /^The first line is not a CSV header/]
  ])('is refused once, as a whole: %s', async (_, text, message) => {
    await expect(readLedger(Readable.from([text]))).rejects.toThrow(message)
    await expect(readLedger(Readable.from([text]))).rejects.toBeInstanceOf(LedgerFileError)
  })

  it('is named when it cannot be opened', async () => {
    await expect(openLedger('/nowhere/ledger.csv')).rejects.toThrow('/nowhere/ledger.csv cannot be read (ENOENT).')
  })
})

const ledgers = fileURLToPath(new URL('../../../../shared/data/ledgers/', import.meta.url))
const here = existsSync(ledgers)
if (!here) console.log(`The real ledgers are not beside the repository (${ledgers}): their tests are left out.`)

describe.runIf(here)('the real ledgers', () => {
  it('IBM: all 2,466 invoices load', async () => {
    const { rows, problems } = await openLedger(`${ledgers}ibm-ar.csv`)
    expect([rows.length, problems.length]).toEqual([2_466, 0])
    expect(rows.reduce((sum, row) => sum + row.amountMinor, 0n)).toBe(14_770_318n)
  })

  it('BR: 36,113 invoices load and the 549 without an amount are named', async () => {
    const { rows, problems } = await openLedger(`${ledgers}br-ar-2018-2019.csv`)
    expect([rows.length, problems.length]).toEqual([36_113, 549])
    expect(new Set(problems.map(({ problem }) => problem))).toEqual(new Set(['amount is missing.']))
  })
})
