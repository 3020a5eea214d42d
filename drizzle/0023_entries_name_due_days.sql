ALTER TABLE "stage_entries" ADD COLUMN "due_on" date;--> statement-breakpoint
-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table stage_entries no force row level security;
alter table obligations no force row level security;
--> statement-breakpoint
-- The due date of an earlier cycle is no longer known; the day from which lateness counted is.
update stage_entries e set due_on = case when o.cycle = e.cycle then o.due_on else e.entered_on - e.days_overdue end
from obligations o where o.org_id = e.org_id and o.id = e.obligation_id;
--> statement-breakpoint
alter table stage_entries force row level security;
alter table obligations force row level security;
