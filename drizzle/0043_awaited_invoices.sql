-- A reference that a payment names, and that no invoice has yet, stands in external_refs, so that who gives it to an invoice learns of the
-- payment. Of all organizations, which an owner who is no superuser does not see otherwise.
alter table external_refs no force row level security;
alter table announced_allocations no force row level security;
--> statement-breakpoint
insert into external_refs (org_id, kind, source, external_id, is_awaited, created_at)
select distinct w.org_id, 'invoice', w.invoice_source, w.invoice_external_id, true, now() from announced_allocations w
where w.invoice_source is not null and not exists (
  select from external_refs x where x.org_id = w.org_id and x.kind = 'invoice' and x.source = w.invoice_source
    and x.external_id = w.invoice_external_id and x.object_id is not null)
on conflict (org_id, kind, source, external_id) do update set is_awaited = true;
--> statement-breakpoint
alter table external_refs force row level security;
alter table announced_allocations force row level security;
