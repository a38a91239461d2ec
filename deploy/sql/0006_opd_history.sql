-- Agencies over time: how long one existed, who took over its tasks, and the names it bore.

alter table reference.opd
    add column valid_from date,
    add column valid_to date,
    add column successors text[] not null default '{}',
    add column source text,
    add check (valid_from <= valid_to);
comment on column reference.opd.successors is 'Agencies that took over: one after a merger or a new start, several after a split.';
comment on column reference.opd.source is 'Regulation of the change; says so when it is only an example.';

create table reference.opd_version (
    opd_code text not null references reference.opd on delete cascade,
    version_no integer not null,
    opd_name text not null,
    opd_short_name text not null,
    valid_from date,
    valid_to date,
    source text,
    primary key (opd_code, version_no),
    check (valid_from <= valid_to)
);
comment on table reference.opd_version is 'Names of an agency, the oldest first; an empty end is open.';

alter table reference.opd_version owner to owner;
grant select on reference.opd_version to transformer, loader;
grant insert, update, delete on reference.opd_version to loader;
