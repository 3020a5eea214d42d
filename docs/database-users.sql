-- The database users of Dunwell, none of them a superuser. Run by a superuser with psql 14 or later, before the first migration and
-- before a restore; doing so again changes nothing but the passwords:
--
--   export OWNER_PASSWORD=… SERVICE_PASSWORD=… BACKUP_PASSWORD=…
--   psql --dbname postgres://postgres@db.example.com/postgres --file docs/database-users.sql
--
--   dunwell_owner    owns the database and migrates it
--   dunwell_service  serves: it owns nothing, and works under the two roles alone
--   dunwell_backup   reads everything, for pg_dump
\set ON_ERROR_STOP on
\set owner_password ''
\set service_password ''
\set backup_password ''
\getenv owner_password OWNER_PASSWORD
\getenv service_password SERVICE_PASSWORD
\getenv backup_password BACKUP_PASSWORD

select format('create role %I login', name)
from unnest(array['dunwell_app', 'dunwell_scheduler', 'dunwell_owner', 'dunwell_service', 'dunwell_backup']) name
where not exists (select from pg_roles where rolname = name) \gexec

alter role dunwell_owner password :'owner_password';
alter role dunwell_service password :'service_password';
alter role dunwell_backup bypassrls password :'backup_password';

select format('grant %s to %I%s', roles, name,
  case when current_setting('server_version_num')::int >= 160000 then ' with set true' end)
from (values
  ('dunwell_app, dunwell_scheduler', 'dunwell_owner'),
  ('dunwell_app, dunwell_scheduler', 'dunwell_service'),
  ('pg_read_all_data', 'dunwell_backup')) granted(roles, name) \gexec

select 'create database dunwell owner dunwell_owner' where not exists (select from pg_database where datname = 'dunwell') \gexec
