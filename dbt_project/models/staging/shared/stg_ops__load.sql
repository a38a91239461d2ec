with load as (
    select
        load_id,
        source_id,
        status,
        rows_rejected,
        data_from,
        data_to,
        is_sample,
        finished_at,
        superseded_by_load_id,
        -- Corrected rows count whenever the load that refused them does.
        coalesce(supplements_load_id, load_id) as root_load_id
    from {{ source('ops', 'load') }}
),

slice as (
    select
        source_id,
        load_id
    from {{ source('ops', 'slice') }}
)

select
    load.load_id,
    load.source_id,
    load.status,
    load.rows_rejected,
    load.data_from,
    load.data_to,
    load.is_sample,
    load.finished_at,
    -- A source without slices adds up all its loads; else only loads that still hold a slice count.
    load.status = 'loaded'
    and load.superseded_by_load_id is null
    and root.superseded_by_load_id is null
    and (
        load.root_load_id in (select slice.load_id from slice)
        or load.source_id not in (select slice.source_id from slice)
    ) as is_current
from load
inner join load as root on load.root_load_id = root.load_id
