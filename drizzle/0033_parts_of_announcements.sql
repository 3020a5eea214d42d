-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table holds no force row level security;
alter table hold_invoices no force row level security;
alter table payments no force row level security;
alter table announced_allocations no force row level security;
alter table promises no force row level security;
alter table obligations no force row level security;
alter table organizations no force row level security;
--> statement-breakpoint
-- What was announced or promised before holds no more than its amount either: what it is named for, else what is oldest due. Of a promise
-- the whole amount, until money is seen on its invoices.
with active as (
  select h.org_id, h.id, h.origin_id, coalesce(p.amount_minor, w.amount_minor) as minor,
    exists (select from announced_allocations a where a.org_id = h.org_id and a.payment_id = h.origin_id) as is_named
  from holds h
  left join payments p on h.origin_kind = 'payment' and p.org_id = h.org_id and p.id = h.origin_id
  left join promises w on h.origin_kind = 'promise' and w.org_id = h.org_id and w.id = h.origin_id
  where h.origin_kind in ('payment', 'promise') and h.released_at is null and h.amount_minor is null
), oldest as (
  select c.org_id, c.id, o.invoice_id, least(o.balance_minor,
    c.minor - (sum(o.balance_minor) over (partition by c.org_id, c.id order by o.due_on, o.id) - o.balance_minor)) as minor
  from active c
  join hold_invoices i on i.org_id = c.org_id and i.hold_id = c.id
  join obligations o on o.org_id = i.org_id and o.invoice_id = i.invoice_id and o.balance_minor > 0
  where not c.is_named
), shares as (
  select org_id, id, invoice_id, minor from oldest where minor > 0
  union all
  select c.org_id, c.id, a.invoice_id, a.amount_minor from active c
  join announced_allocations a on a.org_id = c.org_id and a.payment_id = c.origin_id and c.is_named
)
update hold_invoices i set amount_minor = coalesce(
  (select sum(s.minor)::bigint from shares s where s.org_id = i.org_id and s.id = i.hold_id and s.invoice_id = i.invoice_id), 0)
from active c where c.org_id = i.org_id and c.id = i.hold_id;
--> statement-breakpoint
update holds h set amount_minor = part.minor, version = h.version + 1,
  currency = case h.origin_kind
    when 'payment' then (select p.currency from payments p where p.org_id = h.org_id and p.id = h.origin_id)
    else (select w.currency from promises w where w.org_id = h.org_id and w.id = h.origin_id) end
from (select org_id, hold_id, sum(amount_minor)::bigint as minor from hold_invoices group by org_id, hold_id) part
where part.org_id = h.org_id and part.hold_id = h.id and part.minor > 0
  and h.origin_kind in ('payment', 'promise') and h.released_at is null and h.amount_minor is null;
--> statement-breakpoint
-- The next sweep duns the rest.
update obligations o set next_at = coalesce(g.clock_at, now()), next_stage_code = null from organizations g
where g.org_id = o.org_id and o.balance_minor > 0 and exists (
  select from hold_invoices i join holds h on h.org_id = i.org_id and h.id = i.hold_id
  where i.org_id = o.org_id and i.invoice_id = o.invoice_id and h.origin_kind in ('payment', 'promise') and h.released_at is null);
--> statement-breakpoint
alter table holds force row level security;
alter table hold_invoices force row level security;
alter table payments force row level security;
alter table announced_allocations force row level security;
alter table promises force row level security;
alter table obligations force row level security;
alter table organizations force row level security;
