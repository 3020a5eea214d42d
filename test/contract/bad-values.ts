import { type Schema, typesOf } from './document.ts'
import type { Field } from './fields.ts'

/** A value that breaks one rule of the field, and where the refusal points: at the field unless said. */
export type BadValue = Readonly<{ value: unknown; breaks: string; pointer?: string }>

const BY_FORMAT: Readonly<Record<string, readonly unknown[]>> = {
  uuid: ['seven', '', '01900000-0000-7000-8000-00000000000', 'g1900000-0000-7000-8000-000000000000'],
  'id-or-reference': [
    'seven',
    '',
    'ref:',
    'ref:books',
    'ref::1',
    'ref:books:',
    `ref:books:${'x'.repeat(256)}`,
    `ref:%:1`,
    'ref:books:a\u0000b'
  ],
  date: [
    '1899-12-31',
    '3000-01-01',
    '2026-02-30',
    '2026-13-01',
    '2025-02-29',
    '0000-01-01',
    '26-01-01',
    '2026-1-1',
    '2026-01-01T00:00:00Z',
    'today',
    ''
  ],
  'date-time': [
    '2026-02-30T00:00:00Z',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-01-01T24:00:00Z',
    '1900-01-01T00:00:00+14:00',
    '2999-12-31T23:59:59-01:00',
    '9999-12-31T00:00:00Z',
    ''
  ],
  currency: ['XXQ', 'eur', 'EURO', 'EU', '€', ''],
  'active-currency': ['XXQ', 'HRK', 'eur', 'EURO', 'EU', '€', ''],
  'time-zone': ['Mars/Olympus', '+02:00', '', '../etc/passwd'],
  locale: ['not a locale', '', 'en_US_POSIX_x!'],
  email: ['nobody', '@', ''],
  'web-url': ['javascript:alert(1)', 'example.com', 'file:///etc/passwd', '']
}

const AMOUNT = '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$'
const BY_PATTERN: Readonly<Record<string, readonly unknown[]>> = {
  '\\S': [' ', '\t'],
  [AMOUNT]: [
    ...['-1.00', '+1.00', '1e3', '01.00', '1.', '.5', '1,000.00', ' 1', '1 ', '', 'NaN', 'Infinity', '0x10', '1.23456', '١٢'],
    ...['1'.padEnd(16, '0'), 10, 10.5, -1]
  ]
}

const HOLDS_NUL = 'a\u0000b'
const HALF_A_PAIR = 'a\ud800'

/** What a parameter in the URL cannot be, which is text always. */
export function badTextsFor(schema: Schema): string[] {
  const texts = (values: readonly unknown[] = []) => values.filter((value) => typeof value === 'string')
  switch (typesOf(schema)[0] ?? 'string') {
    case 'integer':
      return [
        'ten',
        '1.5',
        '',
        ' ',
        `${(schema.minimum ?? 0) - 1}`,
        `${(schema.maximum ?? 1e15) + 1}`,
        'Infinity',
        '1,2',
        '\t',
        '0x1',
        '1e1',
        ' 1'
      ]
    case 'boolean':
      return ['maybe', '1', '0', '', ' ', 'null', 'TRUE']
    default:
      return [
        ...texts(schema.enum === undefined ? [] : ['no-such-word', '']),
        ...texts(BY_FORMAT[schema.format ?? '']),
        ...texts(BY_PATTERN[schema.pattern ?? '']),
        ...(schema.maxLength === undefined ? [] : ['x'.repeat(schema.maxLength + 1)]),
        HOLDS_NUL
      ]
  }
}

/** Whatever breaks a rule that the field's schema says, and text that nothing can keep. */
export function badValuesFor({ schema, isNullable }: Field): BadValue[] {
  const [type = 'any'] = typesOf(schema).filter((name) => name !== 'null')
  const found: BadValue[] = isNullable ? [] : [{ value: null, breaks: 'null' }]
  const add = (breaks: string, ...values: unknown[]) => found.push(...values.map((value) => ({ value, breaks })))
  if (schema.enum !== undefined) add('none of few', 'no-such-word', '', ' ')
  switch (type) {
    case 'string':
      add('no text', 12, true, {}, ['x'])
      if (schema.format !== undefined) add(`no ${schema.format}`, ...(BY_FORMAT[schema.format] ?? []))
      if (schema.pattern !== undefined) add('another pattern', ...(BY_PATTERN[schema.pattern] ?? ['#']))
      if (schema.maxLength !== undefined) add('too long', 'x'.repeat(schema.maxLength + 1))
      if (schema.minLength !== undefined && schema.minLength > 0) add('too short', 'x'.repeat(schema.minLength - 1))
      add('not storable', HOLDS_NUL, HALF_A_PAIR)
      break
    case 'integer':
      add('no integer', '12', 1.5, true, {}, [1])
      if (schema.minimum !== undefined) add('too small', schema.minimum - 1)
      if (schema.maximum !== undefined) add('too large', schema.maximum + 2, 1e300)
      break
    case 'boolean':
      add('no boolean', 'true', 0, 1, {})
      break
    case 'array':
      add('no list', {}, 'x', 1)
      break
    case 'object':
      add('no object', 'x', 1, true, [])
      break
    default:
  }
  return found
}
