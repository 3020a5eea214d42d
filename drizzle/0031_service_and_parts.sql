ALTER TABLE "clients" ADD COLUMN "hold_review_due_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "hold_invoices" ADD COLUMN "amount_minor" bigint;--> statement-breakpoint
ALTER TABLE "holds" ADD COLUMN "restores_service" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "holds" ADD COLUMN "review_due_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "announced_days_max" integer DEFAULT 400 NOT NULL;--> statement-breakpoint
ALTER TABLE "payment_plans" ADD COLUMN "restores_service" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "promises" ADD COLUMN "restores_service" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "hold_invoices" ADD CONSTRAINT "hold_invoices_amount" CHECK ("hold_invoices"."amount_minor" >= 0);--> statement-breakpoint
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_announced" CHECK ("organizations"."announced_days_max" between 1 and 3650);--> statement-breakpoint
grant update (amount_minor) on hold_invoices to dunwell_app;
--> statement-breakpoint
-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table holds no force row level security;
alter table obligations no force row level security;
alter table organizations no force row level security;
--> statement-breakpoint
-- The next sweep ends the holds of handovers of which nothing is open any more.
update obligations o set next_at = coalesce(g.clock_at, now()), next_stage_code = null from organizations g
where g.org_id = o.org_id and o.balance_minor > 0 and exists (
  select from holds h where h.org_id = o.org_id and h.client_id = o.client_id and h.origin_kind = 'stage_entry' and h.released_at is null);
--> statement-breakpoint
alter table holds force row level security;
alter table obligations force row level security;
alter table organizations force row level security;
