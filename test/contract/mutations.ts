import fc, { type Arbitrary } from 'fast-check'

const DEEP = JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`) as unknown

/** What code that trusted its input would trip over. */
const JUNK: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324],
  ...['', ' ', '0', '-1', '12', '1e3', 'null', 'NaN', 'Infinity', '٣', '0x1F', '1_000', '１２', 'true'],
  ...[
    '2026-02-30',
    '9999-12-31',
    '0001-01-01',
    '-271821-04-20',
    '+275760-09-13',
    '2026-01-01T24:00:00Z',
    'today',
    'infinity',
    'epoch'
  ],
  ...[
    "'; drop table clients; --",
    '$1',
    '%s%n',
    '../../etc/passwd',
    '<script>',
    '{{7*7}}',
    '\\',
    '"',
    '\u0000',
    'a\u0000b',
    '\ud800',
    '\udfff\ud800'
  ],
  ...['\u202e\u200b', '\ufeff', 'ﷺ', 'İ', 'x'.repeat(10_000), '01900000-0000-7000-8000-000000000000'],
  ...[[], [[]], {}, { length: -1 }, { toJSON: 1 }, { $ref: '#' }, { constructor: 1 }, DEEP]
]

type Mutation = Readonly<{ at: number; how: 'replace' | 'remove' | 'add' | 'wrap' | 'repeat'; junk: unknown }>

/** The value as it is, or with up to three places of it changed for the worse. */
export function mutated(valid: Arbitrary<unknown>): Arbitrary<unknown> {
  const mutation: Arbitrary<Mutation> = fc.record({
    at: fc.nat(1_000),
    how: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add', 'wrap', 'repeat'),
    junk: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...JUNK) }, fc.jsonValue({ maxDepth: 2 }))
  })
  const mutations = fc.oneof(fc.constant([]), fc.array(mutation, { minLength: 1, maxLength: 3 }))
  return fc.tuple(valid, mutations).map(([value, all]) => all.reduce(apply, structuredClone(value)))
}

type Place = Readonly<{ holder: Record<string, unknown>; key: string }>

/** Every place below the value, in order. Lists are held by their indexes. */
function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesIn(holder[key])])
}

function apply(value: unknown, { at, how, junk: shared }: Mutation): unknown {
  const junk = structuredClone(shared)
  const places = placesIn(value).slice(0, 200)
  const place = places[at % Math.max(1, places.length)]
  // The deep list is one place only: its copy would be as many as it is deep.
  if (place === undefined) return how === 'replace' ? junk : value
  const { holder, key } = place
  switch (how) {
    case 'replace':
      holder[key] = junk
      break
    case 'remove':
      if (Array.isArray(holder)) holder.splice(Number(key), 1)
      else delete holder[key]
      break
    case 'add':
      holder[`extra_${at}`] = junk
      break
    case 'wrap':
      holder[key] = at % 2 === 0 ? [holder[key]] : { value: holder[key] }
      break
    case 'repeat':
      holder[key] = Array.from({ length: at % 300 }, () => holder[key])
      break
    default:
  }
  return value
}
