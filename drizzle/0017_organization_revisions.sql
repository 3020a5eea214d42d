ALTER TABLE "organizations" ADD COLUMN "revision" uuid DEFAULT gen_random_uuid() NOT NULL;
--> statement-breakpoint
-- By triggers, so that whoever changes what books are made of cannot forget it; at random, so that what was rolled back is not met again.
create function dunwell_new_revision() returns trigger language plpgsql as $$
begin
  new.revision := gen_random_uuid();
  return new;
end $$;
--> statement-breakpoint
create trigger organizations_revision before update on organizations for each row execute function dunwell_new_revision();
--> statement-breakpoint
create function dunwell_revise_organization() returns trigger language plpgsql set search_path from current as $$
begin
  update organizations set revision = gen_random_uuid() where org_id = new.org_id;
  return null;
end $$;
--> statement-breakpoint
create trigger dunning_policies_revision after insert or update of version on dunning_policies
  for each row execute function dunwell_revise_organization();
