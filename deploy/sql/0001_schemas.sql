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

-- In raw the loader grants column by column: the transformer never reads a personal one.
alter default privileges for role transformer in schema marts grant select on tables to publisher, bi_staff;
alter default privileges for role transformer in schema open_data grant select on tables to publisher, bi_public;
