-- The order of versions no longer depends on the order of arrival; corrections, replays and retention.
--
-- The current load of a slice is the highest (revision, modified_at, sha256, load_id) among the loads that hold
-- rows of it and that no load of the same content under a newer contract has superseded.

alter table ops.delivery
    add column modified_at timestamptz,
    add column replays_load_id bigint references ops.load on delete cascade,
    add column purged_at timestamptz;
update ops.delivery set modified_at = received_at;
alter table ops.delivery
    alter column modified_at set default clock_timestamp(),
    alter column modified_at set not null;
create index delivery_by_arrival on ops.delivery (received_at) where purged_at is null;
comment on column ops.delivery.modified_at is 'When the file was last changed, as the drop folder says.';
comment on column ops.delivery.replays_load_id is 'Set where no agency delivered: a kept original is loaded again.';

alter table ops.load
    add column modified_at timestamptz,
    add column received_on date,
    add column superseded_by_load_id bigint references ops.load,
    add column supplements_load_id bigint references ops.load,
    add column rows_added bigint,
    add column rows_changed bigint,
    add column rows_closed bigint,
    add column change_id bigint,
    add column purged_at timestamptz;
comment on column ops.load.modified_at is 'When the newest delivery of this content was last changed.';
comment on column ops.load.received_on is 'UTC day of arrival, after which no row may lie; null for samples.';
comment on column ops.load.superseded_by_load_id is 'The same content, loaded under a newer contract.';
comment on column ops.load.supplements_load_id is
    'The load whose refused rows this one brings, corrected; current whenever that one is.';
comment on column ops.load.rows_added is
    'Rows of a snapshot whose key the version before did not hold; null where nothing can be compared.';
comment on column ops.load.change_id is
    'Drawn from the ids of loads when this one became current again or lost a place; marts built up to a '
    'lower id are behind.';

-- Until now the last load of a slice won. Times of arrival, made strictly rising in the order of loading, keep
-- every slice as it is.
with arrived as (
    select
        load.load_id,
        coalesce(min(delivery.received_at), load.started_at) as received_at,
        (coalesce(min(delivery.received_at), load.started_at) at time zone 'UTC')::date as received_on
    from ops.load as load
    left join ops.delivery as delivery
        on delivery.load_id = load.load_id and delivery.status in ('loaded', 'refused')
    group by load.load_id
),

ordered as (
    select
        arrived.load_id,
        arrived.received_on,
        max(arrived.received_at) over history + row_number() over history * interval '1 microsecond' as modified_at
    from arrived
    inner join ops.load as load on arrived.load_id = load.load_id
    window history as (partition by load.source_id order by load.load_id)
)

update ops.load as load
set modified_at = ordered.modified_at, received_on = case when not load.is_sample then ordered.received_on end
from ordered
where load.load_id = ordered.load_id;
alter table ops.load alter column modified_at set not null;
create index load_supplementing on ops.load (supplements_load_id) where supplements_load_id is not null;

-- One content may come under two names of which each names another month: the lock of the source and the
-- loader's question for an earlier load decide; this is the last line of defence.
drop index ops.load_once;
create unique index load_once on ops.load (source_id, sha256, contract_version, file_name)
where status = 'loaded' and supplements_load_id is null and superseded_by_load_id is null;

create table ops.load_slice (
    load_id bigint not null references ops.load on delete cascade,
    source_id text not null references ops.source,
    slice_key text not null,
    rows bigint not null,
    primary key (load_id, slice_key)
);
create index load_slice_by_key on ops.load_slice (source_id, slice_key);
comment on table ops.load_slice is
    'Which slices a load holds rows of, supplements included; ops.slice is derived from it.';

do $$
declare source record;
begin
    for source in select source_id from ops.source where to_regclass(format('raw.%I', source_id)) is not null loop
        execute format(
            'insert into ops.load_slice (load_id, source_id, slice_key, rows)
            select landed._load_id, %1$L, landed._slice, count(*)
            from raw.%1$I as landed
            inner join ops.load as load on load.load_id = landed._load_id
            where landed._slice is not null and load.status = ''loaded''
            group by landed._load_id, landed._slice',
            source.source_id
        );
    end loop;
end
$$;

alter table ops.rejected_row
    add column resolved_by_load_id bigint references ops.load,
    add column reference text;
create index rejected_row_open on ops.rejected_row (load_id) where resolved_by_load_id is null;
comment on column ops.rejected_row.reference is
    'In a file of corrections: the refused row (load:row:sheet) that this one was to replace.';
comment on column ops.rejected_row.resolved_by_load_id is
    'The load that brought the row after all: a correction, or a newer version of its file or slice.';

alter table ops.load_slice owner to owner;
grant select on ops.load_slice to loader, transformer;
grant insert, update on ops.load_slice to loader;
grant delete on ops.slice to loader;
grant update (
    revision, modified_at, superseded_by_load_id, rows_added, rows_changed, rows_closed, change_id, message,
    purged_at
) on ops.load to loader;
grant update (resolved_by_load_id, reference, reasons, raw_text) on ops.rejected_row to loader;
