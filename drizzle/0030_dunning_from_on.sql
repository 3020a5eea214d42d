ALTER TABLE "organizations" ADD COLUMN "dunning_from_on" date DEFAULT current_date NOT NULL;--> statement-breakpoint
-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table organizations no force row level security;
alter table dunning_policies no force row level security;
--> statement-breakpoint
-- The day on which each was made, by its own clock, as its first policy tells; in UTC where the server does not know the time zone.
update organizations o set dunning_from_on = (made.at at time zone case
    when exists (select from pg_timezone_names z where lower(z.name) = lower(o.time_zone)) then o.time_zone else 'UTC' end)::date
from (select org_id, min(created_at) as at from dunning_policies group by org_id) made where made.org_id = o.org_id;
--> statement-breakpoint
alter table organizations force row level security;
alter table dunning_policies force row level security;
