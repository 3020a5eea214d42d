-- What Drizzle's schema cannot say: roles, row-level security, grants, partitions, ids made by the server,
-- and the foreign keys that point up the line of modules.

-- Roles belong to the cluster, so they may be there already. LOGIN without a password lets nobody in over the network
-- and is what Citus needs to run a distributed statement under the role.
do $$
begin
  if not exists (select from pg_roles where rolname = 'dunwell_app') then create role dunwell_app login; end if;
  if not exists (select from pg_roles where rolname = 'dunwell_scheduler') then create role dunwell_scheduler login; end if;
  if not pg_has_role(current_user, 'dunwell_app', 'member') then grant dunwell_app to current_user; end if;
  if not pg_has_role(current_user, 'dunwell_scheduler', 'member') then grant dunwell_scheduler to current_user; end if;
end $$;
--> statement-breakpoint
do $$ begin execute format('grant usage on schema %I to dunwell_app, dunwell_scheduler', current_schema()); end $$;
--> statement-breakpoint
-- The second wall behind the scope in every query. An unset scope reads nothing instead of raising.
create function dunwell_protect(target regclass, rights text) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format(
    'create policy organization_scope on %s to dunwell_app using (org_id = nullif(current_setting(''dunwell.org_id'', true), '''')::uuid)',
    target
  );
  execute format('grant %s on %s to dunwell_app', rights, target);
end $$;
--> statement-breakpoint
-- What is append-only has no right to be changed; an event may only get its number and its place in the chain.
select dunwell_protect('organizations', 'select, insert, update');
select dunwell_protect('business_calendars', 'select, insert');
select dunwell_protect('api_keys', 'select, insert, update');
select dunwell_protect('idempotency_keys', 'select, insert, update, delete');
select dunwell_protect('external_refs', 'select, insert, update, delete');
select dunwell_protect('clients', 'select, insert, update, delete');
select dunwell_protect('contacts', 'select, insert, update, delete');
select dunwell_protect('invoices', 'select, insert, update');
select dunwell_protect('obligations', 'select, insert, update');
select dunwell_protect('ledger_entries', 'select, insert');
select dunwell_protect('payments', 'select, insert, update');
select dunwell_protect('dunning_policies', 'select, insert, update');
select dunwell_protect('dunning_policy_versions', 'select, insert');
select dunwell_protect('stage_entries', 'select, insert, update (mistaken_at, mistaken_reason)');
select dunwell_protect('dunning_runs', 'select, insert, update');
select dunwell_protect('events', 'select, insert, update (seq, chain_hash)');
select dunwell_protect('event_bodies', 'select, insert, delete');
select dunwell_protect('event_chains', 'select, insert, update');
select dunwell_protect('webhook_endpoints', 'select, insert, update, delete');
select dunwell_protect('webhook_endpoint_secrets', 'select, insert, update, delete');
select dunwell_protect('webhook_endpoint_health', 'select, insert, update, delete');
select dunwell_protect('webhook_deliveries', 'select, insert, update');
select dunwell_protect('webhook_queue', 'select, insert, update, delete');
select dunwell_protect('webhook_attempts', 'select, insert');
--> statement-breakpoint
-- The scheduler sees exactly what has no scope yet: whose key this is, and which organizations have work due.
create policy scheduler_reads on api_keys for select to dunwell_scheduler using (true);
create policy scheduler_reads on organizations for select to dunwell_scheduler using (true);
create policy scheduler_reads on obligations for select to dunwell_scheduler using (next_at is not null);
create policy scheduler_reads on dunning_runs for select to dunwell_scheduler using (status = 'queued');
create policy scheduler_reads on events for select to dunwell_scheduler using (seq is null);
create policy scheduler_reads on webhook_queue for select to dunwell_scheduler using (true);
create policy scheduler_reads on webhook_endpoints for select to dunwell_scheduler using (true);
create policy scheduler_reads on webhook_endpoint_health for select to dunwell_scheduler using (true);
grant select on api_keys, organizations, webhook_queue, webhook_endpoint_health to dunwell_scheduler;
grant select (org_id, next_at) on obligations to dunwell_scheduler;
grant select (org_id, id, status) on dunning_runs to dunwell_scheduler;
grant select (org_id, id, seq) on events to dunwell_scheduler;
grant select (org_id, id, status, max_in_flight) on webhook_endpoints to dunwell_scheduler;
--> statement-breakpoint
alter table organizations add constraint organizations_default_policy
  foreign key (org_id, default_dunning_policy_id) references dunning_policies (org_id, id);
alter table organizations add constraint organizations_calendar
  foreign key (org_id, calendar_version) references business_calendars (org_id, version) deferrable initially deferred;
alter table clients add constraint clients_policy
  foreign key (org_id, dunning_policy_id) references dunning_policies (org_id, id);
alter table invoices add constraint invoices_policy
  foreign key (org_id, dunning_policy_id) references dunning_policies (org_id, id);
alter table obligations add constraint obligations_policy
  foreign key (org_id, policy_id, policy_version) references dunning_policy_versions (org_id, policy_id, version);
alter table stage_entries add constraint stage_entries_policy
  foreign key (org_id, policy_id, policy_version) references dunning_policy_versions (org_id, policy_id, version);
alter table ledger_entries add constraint ledger_entries_payment
  foreign key (org_id, payment_id) references payments (org_id, id);
--> statement-breakpoint
-- A UUIDv7 (RFC 9562): for rows that the server fans out; PostgreSQL has its own from 18 on.
create function dunwell_uuidv7() returns uuid language sql volatile parallel safe as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;
--> statement-breakpoint
-- Attempts are kept by month, so that old ones go by dropping a table. The default partition catches what no month does.
create table webhook_attempts_default partition of webhook_attempts default;
--> statement-breakpoint
create function dunwell_make_attempt_partitions(from_at timestamptz, months integer) returns void
language plpgsql security definer set search_path from current as $$
declare
  month_start timestamptz := date_trunc('month', from_at at time zone 'UTC') at time zone 'UTC';
  month_end timestamptz;
  month_name text;
begin
  for step in 1..months loop
    month_end := ((month_start at time zone 'UTC') + interval '1 month') at time zone 'UTC';
    month_name := 'webhook_attempts_' || to_char(month_start at time zone 'UTC', 'YYYY_MM');
    if to_regclass(month_name) is null
      and not exists (select from webhook_attempts_default where started_at >= month_start and started_at < month_end) then
      execute format('create table if not exists %I partition of webhook_attempts for values from (%L) to (%L)', month_name, month_start, month_end);
    end if;
    month_start := month_end;
  end loop;
end $$;
--> statement-breakpoint
revoke execute on function dunwell_make_attempt_partitions(timestamptz, integer) from public;
grant execute on function dunwell_make_attempt_partitions(timestamptz, integer) to dunwell_app;
--> statement-breakpoint
-- A queue row lives for milliseconds and is updated in place: keep room on its page, and let no dead rows pile up.
alter table webhook_queue set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0);
alter table obligations set (fillfactor = 85);
alter table webhook_deliveries set (fillfactor = 85);
--> statement-breakpoint
-- Statistics that were taken of a nearly empty table call the organization selective, and every index that it leads as good as
-- the right one. Of these tables, which grow from nothing to much within seconds, it is never said to narrow anything.
alter table webhook_queue alter column org_id set (n_distinct = 1);
alter table webhook_deliveries alter column org_id set (n_distinct = 1);
alter table events alter column org_id set (n_distinct = 1);
alter table event_bodies alter column org_id set (n_distinct = 1);
