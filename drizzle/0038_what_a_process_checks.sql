-- A process asks at its start, and for its readiness, whether it fits this database: which migrations were applied, and whether its key
-- opens what is sealed here.
grant usage on schema drizzle to dunwell_scheduler;
grant select on drizzle.__drizzle_migrations to dunwell_scheduler;
--> statement-breakpoint
create policy scheduler_reads on webhook_endpoint_secrets for select to dunwell_scheduler using (true);
grant select (org_id, id, endpoint_id, sealed) on webhook_endpoint_secrets to dunwell_scheduler;
