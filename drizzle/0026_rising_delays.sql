-- Of all organizations, which an owner who is no superuser does not see otherwise.
alter table risk_organizations no force row level security;
alter table risk_clients no force row level security;
--> statement-breakpoint
-- The band rule holds the limits of both chances. Everything is counted anew, with the feature that was added: a model other than that of the
-- settings asks for it.
update risk_organizations set
  settings = settings - 'bandLimits'
    || jsonb_build_object('bandRule', jsonb_build_object('late', '[0.5, 0.8, 1, 1]'::jsonb, 'seriouslyLate', settings -> 'bandLimits')),
  model = case settings ->> 'model' when 'v1' then 'v2' else 'v1' end,
  next_pass_at = '2000-01-01T00:00:00Z',
  version = version + 1;
--> statement-breakpoint
-- The last payments by day, until they are counted anew: of those that were kept.
update risk_clients c set state = jsonb_set(c.state::jsonb, '{recent}', coalesce(
  (select jsonb_agg(payment order by payment -> 'settledOn') from (
    select jsonb_build_object('settledOn', one -> 'settledOn', 'count', count(*), 'delayDays', sum((one ->> 'delayDays')::int)) as payment
    from jsonb_array_elements(c.state::jsonb -> 'recent') as one group by one -> 'settledOn'
  ) as payments), '[]'))::json;
--> statement-breakpoint
alter table risk_organizations force row level security;
alter table risk_clients force row level security;
