import { expect, test } from 'vitest'
import { inLockOrder, locksOf } from '../../../src/db/migration-locks.ts'

test.for([
  ['ALTER TABLE "webhook_queue" ADD COLUMN "x" int;', 'access exclusive webhook_queue'],
  ['alter table if exists only clients drop column x;', 'access exclusive clients'],
  ['DROP INDEX "webhook_queue_ready";', 'access exclusive webhook_queue_ready'],
  ['drop table if exists dunning_runs', 'access exclusive dunning_runs'],
  ['create policy own on "events" using (true)', 'access exclusive events'],
  ['drop trigger kept on ledger_entries', 'access exclusive ledger_entries'],
  ['CREATE UNIQUE INDEX "a_b" ON "obligations" USING btree ("org_id")', 'share row exclusive obligations'],
  [
    'create constraint trigger kept after insert on\n  ledger_entries for each row execute function f()',
    'share row exclusive ledger_entries'
  ],
  ['ALTER TABLE "a" ADD FOREIGN KEY (x) REFERENCES "public"."b"("x")', 'share row exclusive b, access exclusive a'],
  ['alter table a validate constraint a_checked', ''],
  ['update clients set name = name', ''],
  ['-- alter table clients\ncreate function f() returns void as $$ begin alter table invoices add x int; end $$', '']
] as const)('%s locks %s', ([sql, locks]) => {
  expect(
    locksOf(sql)
      .map(({ relation, mode }) => `${mode} ${relation}`)
      .join(', ')
  ).toBe(locks)
})

test('a table that is both referenced and altered is locked once, as strongly as the alteration needs it', () => {
  expect(locksOf('create index i on clients (id); alter table clients add x int')).toEqual([
    { relation: 'clients', mode: 'access exclusive' }
  ])
})

test('tables are locked in the order of the transactions that use them, and others after them', () => {
  const mixed = ['webhook_deliveries', 'zebra', 'invoices', 'webhook_queue', 'clients', 'apple']
  expect(inLockOrder(mixed)).toEqual(['clients', 'invoices', 'webhook_queue', 'webhook_deliveries', 'apple', 'zebra'])
})
