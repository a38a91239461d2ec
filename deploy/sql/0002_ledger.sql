-- The ledger of supply: every file seen, every load, every refused row, every slice's current load.

create table ops.setting (
    name text primary key,
    value jsonb not null,
    changed_at timestamptz not null default now()
);
comment on table ops.setting is 'Facts about this installation, for example that sample exports were generated.';

create table ops.source (
    source_id text primary key,
    title text not null,
    domain text not null,
    opd_code text not null,
    frequency text not null,
    due_working_days integer not null,
    contract_version text not null,
    contract jsonb not null,
    changed_at timestamptz not null default now()
);
comment on table ops.source is 'The contracts in force, written by the loader whenever one changes.';

create table ops.delivery (
    delivery_id bigint generated always as identity primary key,
    source_id text references ops.source,
    file_name text not null,
    landing_path text not null,
    sha256 text not null,
    size_bytes bigint not null,
    original_path text not null,
    received_at timestamptz not null default now(),
    status text not null default 'received' check (
        status in ('received', 'loaded', 'already_loaded', 'refused', 'unknown')
    ),
    load_id bigint,
    message text,
    finished_at timestamptz
);
create index delivery_waiting on ops.delivery (source_id) where status = 'received';
create index delivery_by_hash on ops.delivery (sha256);
comment on table ops.delivery is 'Every file that arrived, what became of it and why; the original is kept under its hash.';

create table ops.load (
    load_id bigint generated always as identity primary key,
    source_id text not null references ops.source,
    sha256 text not null,
    file_name text not null,
    revision text not null default '',
    contract_version text not null,
    loader_version text not null,
    status text not null check (status in ('loaded', 'refused')),
    rows_read bigint not null,
    rows_loaded bigint not null,
    rows_rejected bigint not null,
    rows_skipped bigint not null,
    skipped_by_kind jsonb not null default '{}',
    data_from date,
    data_to date,
    is_sample boolean not null default false,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    message text,
    check (rows_read = rows_loaded + rows_rejected + rows_skipped)
);
create unique index load_once on ops.load (source_id, sha256, contract_version) where status = 'loaded';
comment on table ops.load is 'One row per attempt to load a file. Rows read = loaded + rejected + skipped, always.';

create table ops.slice (
    source_id text not null references ops.source,
    slice_key text not null,
    load_id bigint not null references ops.load,
    revision text not null default '',
    replaced_load_id bigint,
    changed_at timestamptz not null default clock_timestamp(),
    primary key (source_id, slice_key)
);
comment on table ops.slice is 'Which load holds the current rows of a slice; older loads of the slice stay in raw for audit.';

create table ops.rejected_row (
    load_id bigint not null references ops.load,
    sheet text,
    row_no bigint not null,
    reasons jsonb not null,
    raw_text text not null,
    contract_version text not null
);
create index rejected_row_by_load on ops.rejected_row (load_id);
comment on table ops.rejected_row is 'Refused rows with every reason; raw text holds personal data and is closed to BI roles.';

create table ops.run_result (
    run_result_id bigint generated always as identity primary key,
    invocation_id text not null,
    domain text not null,
    node_id text not null,
    status text not null,
    failures bigint,
    rows_affected bigint,
    execution_seconds double precision not null,
    message text,
    finished_at timestamptz not null default now()
);
create index run_result_by_invocation on ops.run_result (invocation_id);
comment on table ops.run_result is 'What every dbt build did: one row a model, seed or test.';

create table ops.run_domain (
    domain text primary key,
    up_to_load_id bigint not null,
    invocation_id text not null,
    status text not null check (status in ('success', 'failed')),
    finished_at timestamptz not null default now(),
    models_version text not null default ''
);
comment on table ops.run_domain is 'Up to which load, and by which models, a domain''s marts are built; the transform runs what is behind.';

create table reference.opd (
    opd_code text primary key,
    opd_name text not null,
    opd_short_name text not null,
    opd_kind text not null,
    aliases text[] not null default '{}'
);
create table reference.target (
    kpi_code text primary key,
    target numeric not null,
    unit text not null,
    higher_is_better boolean not null
);
comment on schema reference is 'What regions/<code>.yaml says, written whenever an installation starts.';

alter table ops.setting owner to owner;
alter table ops.source owner to owner;
alter table ops.delivery owner to owner;
alter table ops.load owner to owner;
alter table ops.slice owner to owner;
alter table ops.rejected_row owner to owner;
alter table ops.run_result owner to owner;
alter table ops.run_domain owner to owner;
alter table reference.opd owner to owner;
alter table reference.target owner to owner;

grant select, insert, update on ops.source, ops.delivery, ops.slice, ops.setting to loader;
grant select, insert on ops.load, ops.rejected_row to loader;
-- Rows carry the id of their load before the load's own row, with its counts, can be written.
grant usage on sequence ops.load_load_id_seq to loader;
grant select on ops.setting, ops.source, ops.delivery, ops.load, ops.slice, ops.run_result, ops.run_domain to transformer;
grant insert on ops.run_result to transformer;
grant insert, update on ops.run_domain to transformer;
grant select on reference.opd, reference.target to transformer, loader;
grant insert, update, delete on reference.opd, reference.target to loader;
