-- Marts are built and tested slice by slice in schema candidate, then published. What a build found in the ledger
-- when it began is noted, and with its publication becomes what the domain's marts hold: the next build makes only
-- what differs. Sets of loads, not a highest id, because a load takes its id when it begins and commits later.

create table ops.build (
    domain text primary key,
    invocation_id text not null,
    models_version text not null,
    is_full_rebuild boolean not null,
    started_at timestamptz not null default clock_timestamp(),
    runs_seen jsonb
);
comment on table ops.build is 'The last build of each domain that began: the candidates are its, and only it may publish them.';
comment on column ops.build.runs_seen is 'Domain → last attempt to build it, as the build found it.';

create table ops.build_load (
    domain text not null,
    load_id bigint not null,
    source_id text not null,
    change_id bigint,
    superseded_by_load_id bigint,
    supplements_load_id bigint,
    primary key (domain, load_id)
);
create table ops.build_slice (
    domain text not null,
    source_id text not null,
    slice_key text not null,
    load_id bigint not null,
    primary key (domain, source_id, slice_key)
);
create table ops.build_source (
    domain text not null,
    source_id text not null,
    data_date date,
    primary key (domain, source_id)
);
comment on table ops.build_load is 'Loads of a domain when its last build began.';
comment on table ops.build_slice is 'Slices of a domain, and who held them, when its last build began.';
comment on table ops.build_source is 'Last day that the sources of a domain covered when its last build began.';

create table ops.published_load (like ops.build_load including indexes);
create table ops.published_slice (like ops.build_slice including indexes);
create table ops.published_source (like ops.build_source including indexes);
comment on table ops.published_load is 'Loads of a domain that its published marts were built from.';
comment on table ops.published_slice is 'Slices of a domain, and who held them, in its published marts.';
comment on table ops.published_source is 'Last day that the sources of a domain covered in its published marts.';

do $$
declare
    name text;
begin
    foreach name in array array['build', 'build_load', 'build_slice', 'build_source',
        'published_load', 'published_slice', 'published_source']
    loop
        execute format('alter table ops.%I owner to owner', name);
        execute format('grant select, insert, update, delete on ops.%I to transformer', name);
    end loop;
end
$$;
