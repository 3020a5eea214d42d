ALTER TABLE "obligations" ADD COLUMN "next_entry_at" timestamp (3) with time zone;--> statement-breakpoint
-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table obligations no force row level security;
alter table organizations no force row level security;
alter table payments no force row level security;
--> statement-breakpoint
-- Where it was announced that something is overdue, or that comes later in every time zone, the next instant is the next entry's.
update obligations set next_entry_at = next_at
where next_stage_code is not null and (overdue_announced or next_at < (overdue_from_on - 1)::timestamp at time zone 'UTC');
--> statement-breakpoint
-- The next sweep finds the next entry of the others, and of what only reserved money covered: that covers nothing any more.
update obligations o set next_stage_code = null, next_at = coalesce(g.clock_at, now()) from organizations g
where g.org_id = o.org_id and o.balance_minor > 0 and ((o.next_stage_code is not null and o.next_entry_at is null)
  or (o.next_stage_code is null and exists (
    select from payments p where p.org_id = o.org_id and p.client_id = o.client_id and p.unapplied_minor > 0 and p.reserved_for is not null)));
--> statement-breakpoint
alter table obligations force row level security;
alter table organizations force row level security;
alter table payments force row level security;
