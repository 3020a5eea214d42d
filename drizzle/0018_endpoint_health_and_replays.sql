CREATE TABLE "dunning_notice_reissues" (
	"org_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"done_at" timestamp (3) with time zone,
	"reissued_as" uuid,
	CONSTRAINT "dunning_notice_reissues_org_id_event_id_endpoint_id_pk" PRIMARY KEY("org_id","event_id","endpoint_id"),
	CONSTRAINT "dunning_notice_reissues_done" CHECK ("dunning_notice_reissues"."reissued_as" is null or "dunning_notice_reissues"."done_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "webhook_replays" (
	"org_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"from_at" timestamp (3) with time zone NOT NULL,
	"to_at" timestamp (3) with time zone NOT NULL,
	"event_types" text[],
	"client_id" uuid,
	"states" text[] NOT NULL,
	"status" text NOT NULL,
	"after_seq" bigint NOT NULL,
	"queued" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_replays_org_id_id_pk" PRIMARY KEY("org_id","id"),
	CONSTRAINT "webhook_replays_status" CHECK ("webhook_replays"."status" in ('running', 'done', 'cancelled')),
	CONSTRAINT "webhook_replays_finished" CHECK (("webhook_replays"."status" = 'running') = ("webhook_replays"."finished_at" is null)),
	CONSTRAINT "webhook_replays_span" CHECK ("webhook_replays"."from_at" < "webhook_replays"."to_at")
);
--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" ADD COLUMN "paced_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" ADD COLUMN "failing_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" ADD COLUMN "disables_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" ADD COLUMN "announced_percent" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" ADD COLUMN "announced_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_secrets" ADD COLUMN "public_key" text;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "rate_per_second" integer;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "payload" text DEFAULT 'full' NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "supersede" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "dunning_notice_reissues" ADD CONSTRAINT "dunning_notice_reissues_event" FOREIGN KEY ("org_id","event_id") REFERENCES "events"("org_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_replays" ADD CONSTRAINT "webhook_replays_endpoint" FOREIGN KEY ("org_id","endpoint_id") REFERENCES "webhook_endpoints"("org_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "dunning_notice_reissues_waiting" ON "dunning_notice_reissues" USING btree ("org_id") WHERE "dunning_notice_reissues"."done_at" is null;--> statement-breakpoint
CREATE INDEX "webhook_replays_running" ON "webhook_replays" USING btree ("org_id","id") WHERE "webhook_replays"."status" = 'running';--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_payload" CHECK ("webhook_endpoints"."payload" in ('full', 'thin'));--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_rate" CHECK ("webhook_endpoints"."rate_per_second" between 1 and 1000);
--> statement-breakpoint
select dunwell_protect('dunning_notice_reissues', 'select, insert, update');--> statement-breakpoint
select dunwell_protect('webhook_replays', 'select, insert, update, delete');--> statement-breakpoint
create policy scheduler_reads on dunning_notice_reissues for select to dunwell_scheduler using (done_at is null);
create policy scheduler_reads on webhook_replays for select to dunwell_scheduler using (status = 'running');
grant select (org_id, done_at) on dunning_notice_reissues to dunwell_scheduler;
grant select (rate_per_second) on webhook_endpoints to dunwell_scheduler;
grant select (org_id, id, status) on webhook_replays to dunwell_scheduler;
--> statement-breakpoint
-- Whole months of attempts that ended before: dropped, not deleted. What no month took is deleted, in the default partition.
create function dunwell_drop_attempt_partitions(before_at timestamptz) returns integer
language plpgsql security definer set search_path from current as $$
declare
  month_name text;
  dropped integer := 0;
begin
  for month_name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'webhook_attempts'::regclass and c.relname ~ '^webhook_attempts_\d{4}_\d{2}$'
      and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= (before_at at time zone 'UTC')
  loop
    execute format('drop table %I', month_name);
    dropped := dropped + 1;
  end loop;
  delete from webhook_attempts_default where started_at < before_at;
  return dropped;
end $$;
--> statement-breakpoint
revoke execute on function dunwell_drop_attempt_partitions(timestamptz) from public;
grant execute on function dunwell_drop_attempt_partitions(timestamptz) to dunwell_app;
--> statement-breakpoint
-- Lower than every UUIDv7 that was made from that instant on: so that ids tell of a time without an index on it.
create function dunwell_uuidv7_at(at timestamptz) returns uuid language sql immutable parallel safe as $$
  select encode(substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) || '\x70008000000000000000', 'hex')::uuid
$$;
--> statement-breakpoint
-- A delivery is written once and changed once, a moment later and together with its neighbours: with room for all of them on its
-- page, the change touches none of the three indexes, which costs less space than the room.
alter table webhook_deliveries set (fillfactor = 50);
--> statement-breakpoint
-- Nothing asks for the attempts of an endpoint but by its deliveries.
drop index webhook_attempts_of_endpoint;
