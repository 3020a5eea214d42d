ALTER TABLE "dunning_notice_reissues" DROP CONSTRAINT "dunning_notice_reissues_done";--> statement-breakpoint
DROP INDEX "dunning_notice_reissues_waiting";--> statement-breakpoint
ALTER TABLE "dunning_notice_reissues" ADD COLUMN "client_id" uuid;--> statement-breakpoint
ALTER TABLE "dunning_notice_reissues" ADD COLUMN "entries" uuid[];--> statement-breakpoint
ALTER TABLE "dunning_notice_reissues" ADD COLUMN "look_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "dunning_notice_reissues" ALTER COLUMN "look_at" DROP DEFAULT;--> statement-breakpoint
-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table dunning_notice_reissues no force row level security;
alter table events no force row level security;
--> statement-breakpoint
update dunning_notice_reissues r set client_id = e.client_id from events e where e.org_id = r.org_id and e.id = r.event_id;
--> statement-breakpoint
alter table dunning_notice_reissues force row level security;
alter table events force row level security;
--> statement-breakpoint
ALTER TABLE "dunning_notice_reissues" ALTER COLUMN "client_id" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_health" ADD COLUMN "skipped_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "dunning_notice_reissues_of_client" ON "dunning_notice_reissues" USING btree ("org_id","client_id","endpoint_id") WHERE "dunning_notice_reissues"."done_at" is null;--> statement-breakpoint
CREATE INDEX "dunning_notice_reissues_waiting" ON "dunning_notice_reissues" USING btree ("org_id","look_at") WHERE "dunning_notice_reissues"."done_at" is null;--> statement-breakpoint
grant select (look_at) on dunning_notice_reissues to dunwell_scheduler;
