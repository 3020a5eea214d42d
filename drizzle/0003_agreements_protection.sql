-- Row-level security and grants of the tables of 0002.
select dunwell_protect('deadlines', 'select, insert, update, delete');
select dunwell_protect('holds', 'select, insert, update');
select dunwell_protect('hold_invoices', 'select, insert');
--> statement-breakpoint
create policy scheduler_reads on deadlines for select to dunwell_scheduler using (true);
grant select (org_id, at) on deadlines to dunwell_scheduler;
