-- Layers of the warehouse and who may read them. Numbered migrations run once, in order, each in a transaction
-- of the administrator; the roles exist already (deploy/postgres.py).

create schema if not exists raw authorization loader;
create schema if not exists ops authorization owner;
create schema if not exists reference authorization owner;
create schema if not exists staging authorization transformer;
create schema if not exists intermediate authorization transformer;
create schema if not exists marts authorization transformer;
create schema if not exists open_data authorization transformer;
create schema if not exists candidate authorization transformer;

revoke all on schema public from public;

grant usage on schema raw, ops, reference to transformer;
grant usage on schema ops, reference to loader;
grant usage on schema marts, open_data to publisher;
grant usage on schema marts to bi_staff, wall;
grant usage on schema open_data to bi_public;

alter default privileges for role loader in schema raw grant select on tables to transformer;
alter default privileges for role transformer in schema marts grant select on tables to publisher, bi_staff;
alter default privileges for role transformer in schema open_data grant select on tables to publisher, bi_public;

-- A dashboard query that runs away must not hold back the swap of a mart (dbt renames under an exclusive lock).
alter role bi_staff set statement_timeout = '30s';
alter role bi_public set statement_timeout = '10s';
alter role bi_public set default_transaction_read_only = on;
alter role bi_staff set default_transaction_read_only = on;
alter role transformer set lock_timeout = '60s';
-- A killed scheduler leaves workers that hold a metadata session open.
alter role airflow set idle_in_transaction_session_timeout = '300s';
