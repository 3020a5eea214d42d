-- What waits for its day is kept by days and terms: an invoice that waits is one of one. Of all organizations, which an owner who is no
-- superuser does not see otherwise.
alter table risk_clients no force row level security;
--> statement-breakpoint
update risk_clients c set state = jsonb_set(c.state::jsonb, '{waiting}', (
  select jsonb_object_agg(side, coalesce((
    select jsonb_agg((claim - 'number') || jsonb_build_object('count', 1, 'disputed', (claim ->> 'disputed')::boolean::int))
    from jsonb_array_elements(claims) as claim), '[]'))
  from jsonb_each(c.state::jsonb -> 'waiting') as waiting(side, claims)))::json
where json_array_length(c.state #> '{waiting,issued}') + json_array_length(c.state #> '{waiting,settled}') > 0;
--> statement-breakpoint
alter table risk_clients force row level security;
