import { and, eq, sql } from 'drizzle-orm'
import { bigint, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest'
import { createDatabase } from '../../../src/db/client.ts'
import { calendarDay, instant, orgId } from '../../../src/db/columns.ts'
import { count, ifGiven, listOf, orNull, rowsOf } from '../../../src/db/parameters.ts'
import { build, query } from '../../../src/db/query.ts'
import { columnsBut, insertFrom, insertion, newestFirst, olderThan, pageOf, saving } from '../../../src/db/rows.ts'
import { day } from '../../../src/kernel/day.ts'
import { freshDatabase } from '../../support/database.ts'

const things = pgTable(
  'things',
  {
    orgId: orgId(),
    id: uuid().notNull(),
    name: text().notNull(),
    kindOf: text().$type<'big' | 'small'>().notNull(),
    size: bigint({ mode: 'bigint' }),
    weight: integer(),
    dueOn: calendarDay(),
    details: jsonb().$type<Record<string, string>>(),
    createdAt: instant().notNull()
  },
  (t) => [primaryKey({ columns: [t.orgId, t.id] })]
)
const parts = pgTable('parts', { orgId: orgId(), id: uuid().notNull(), thingId: uuid().notNull(), label: text() })

const fresh = await freshDatabase()
const database = createDatabase({ url: fresh.url, connections: 2 })
const ORG = '018f0000-0000-7000-8000-000000000001'
const idOf = (n: number) => `018f0000-0000-7000-8000-0000000001${String(n).padStart(2, '0')}`
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute))
const thing = (n: number) => ({
  id: idOf(n),
  name: `it's ${n} "ключ" $1`,
  kindOf: n % 2 === 0 ? ('big' as const) : ('small' as const),
  size: n === 3 ? null : BigInt(n) * 9_007_199_254_740_993n,
  weight: n,
  dueOn: n === 2 ? null : day('2026-02-28'),
  details: n === 1 ? null : { note: `'${n}'` },
  createdAt: at(n)
})

beforeAll(async () => {
  const admin = new pg.Client({ connectionString: fresh.url })
  await admin.connect()
  await admin.query(`create table things (org_id uuid, id uuid, name text, kind_of text, size bigint, weight int, due_on date, details jsonb, created_at timestamptz(3), primary key (org_id, id));
    create table parts (org_id uuid, id uuid, thing_id uuid, label text);
    grant all on things, parts to dunwell_app`)
  await admin.end()
  await database.scoped(ORG, async (tx) => {
    await tx.run(insertThings, { rows: [thing(1)] })
    await tx.run(insertThings, { rows: [thing(2), thing(3)] })
    await tx.run(insertParts, { rows: [{ id: idOf(50), thingId: idOf(1), label: null }] })
  })
})
afterAll(async () => {
  await database.close()
  await fresh.dispose()
})

const insertThings = insertion('test_query.insert', things)
const insertParts = insertion('test_query.insert_parts', parts)
const all = query('test_query.all', {}, ({ orgId }) =>
  build.select(columnsBut(things, 'orgId')).from(things).where(eq(things.orgId, orgId)).orderBy(things.id)
)

test('rows come back as they were written, one alone and several, with nulls, instants, days, big integers and objects', async () => {
  const rows = await database.reading(ORG, (reader) => reader.run(all, {}))
  expect(rows).toEqual([thing(1), thing(2), thing(3)])
  expectTypeOf(rows).items.toEqualTypeOf<Omit<typeof things.$inferSelect, 'orgId'>>()
})

test('a parameter that is named twice is sent once, and what the query states is a part of its text', () => {
  const twice = query('test_query.twice', { name: orNull(things.name) }, (p) =>
    build
      .select({ id: things.id })
      .from(things)
      .where(
        and(ifGiven(p.name, eq(things.name, p.name)), eq(things.kindOf, 'big'), eq(things.name, "it's"), eq(things.weight, 3))
      )
  )
  const form = twice.formFor({})
  expect(form.text).toContain(`$1`)
  expect(form.text).not.toContain('$2')
  expect(form.text).toContain(`'it''s'`)
  expect(form.valuesOf({ name: 'x' })).toEqual(['x'])
})

test('a list of one goes by another text than a longer one, and both find the same', async () => {
  const named = query('test_query.named', { ids: listOf(things.id) }, (p) =>
    build
      .select({ id: things.id })
      .from(things)
      .where(and(eq(things.orgId, p.orgId), p.ids.has(things.id)))
      .orderBy(things.id)
  )
  const found = (ids: string[]) => database.reading(ORG, (reader) => reader.run(named, { ids }))
  expect(await found([idOf(2)])).toEqual([{ id: idOf(2) }])
  expect(await found([idOf(2), idOf(3), idOf(77)])).toEqual([{ id: idOf(2) }, { id: idOf(3) }])
  expect(await found([])).toEqual([])
  expect(named.forms.map(({ name }) => name)).toEqual(['test_query.named_one', 'test_query.named'])
})

test('pages follow each other without a gap', async () => {
  const page = query('test_query.page', { ...pageOf(things) }, (p) =>
    build
      .select({ id: things.id })
      .from(things)
      .where(and(eq(things.orgId, p.orgId), olderThan(things, p)))
      .orderBy(...newestFirst(things))
      .limit(p.limit)
  )
  const [first, second] = await database.reading(ORG, async (reader) => [
    await reader.run(page, { limit: 2, afterAt: null, afterId: null }),
    await reader.run(page, { limit: 2, afterAt: at(2), afterId: idOf(2) })
  ])
  expect([first, second]).toEqual([[{ id: idOf(3) }, { id: idOf(2) }], [{ id: idOf(1) }]])
})

test('an object that a left join did not find is null, and one whose columns happen to be null is not', async () => {
  const joined = query('test_query.joined', { limit: count }, (p) =>
    build
      .select({ id: things.id, part: { id: parts.id, label: parts.label }, thing: { weight: things.weight } })
      .from(things)
      .leftJoin(parts, and(eq(parts.orgId, things.orgId), eq(parts.thingId, things.id)))
      .where(eq(things.orgId, p.orgId))
      .orderBy(things.id)
      .limit(p.limit)
  )
  expect(await database.reading(ORG, (reader) => reader.run(joined, { limit: 2 }))).toEqual([
    { id: idOf(1), part: { id: idOf(50), label: null }, thing: { weight: 1 } },
    { id: idOf(2), part: null, thing: { weight: 2 } }
  ])
})

test('a set of rows is saved, each with its own values, and what is written under a common name goes in one statement', async () => {
  const save = saving('test_query.save', things, ['weight', 'details'])
  const both = query(
    'test_query.both',
    { rows: rowsOf({ id: parts.id, label: parts.label }), thingId: things.id },
    ({ orgId, rows, thingId }) => {
      const made = sql`made as (${insertFrom(parts, { orgId, id: rows.columns.id, thingId, label: rows.columns.label }, rows.source)} returning ${sql.identifier('id')})`
      return sql`with ${made} update ${things} set weight = (select count(*) from made) where ${things.id} = ${thingId}`
    }
  )
  const kept = await database.scoped(ORG, async (tx) => {
    await tx.run(save, {
      rows: [
        { id: idOf(2), weight: 20, details: null },
        { id: idOf(3), weight: 30, details: { a: 'b' } }
      ]
    })
    tx.write(both, {
      rows: [
        { id: idOf(60), label: 'x' },
        { id: idOf(61), label: null }
      ],
      thingId: idOf(1)
    })
    return tx.run(all, {})
  })
  expect(kept.map(({ weight, details }) => ({ weight, details }))).toEqual([
    { weight: 2, details: null },
    { weight: 20, details: null },
    { weight: 30, details: { a: 'b' } }
  ])
})

test('a value of another type than its column does not compile', () => {
  const kinds = query('test_query.kinds', { kind: things.kindOf }, (p) =>
    build.select({ id: things.id }).from(things).where(eq(things.kindOf, p.kind))
  )
  const wrong = () =>
    database.reading(ORG, (reader) =>
      // @ts-expect-error: not a kind
      reader.run(kinds, { kind: 'huge' })
    )
  expect(wrong).toBeTypeOf('function')
})
