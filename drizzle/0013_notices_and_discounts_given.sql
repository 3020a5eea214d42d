ALTER TABLE "stage_entries" ADD COLUMN "told_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "payment_plans" ADD COLUMN "given_minor" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
-- A notice may tell of an entry later; announced money may be meant for less than before, when two of its invoices become one.
grant update (told_at) on stage_entries to dunwell_app;
grant update (amount_minor), delete on announced_allocations to dunwell_app;
