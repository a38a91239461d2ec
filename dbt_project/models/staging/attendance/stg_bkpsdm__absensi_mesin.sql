with source as (
    select
        landed.device_no,
        landed.pin_key,
        landed.punched_at
    from {{ source('raw', 'bkpsdm__absensi_mesin') }} as landed
    where {{ is_current_row('bkpsdm__absensi_mesin', is_sliced=false) }}
),

final as (
    -- Terminals are read out repeatedly, so a later file holds the punches of the earlier one again.
    select distinct
        device_no::integer as device_no,
        pin_key,
        punched_at as punched_local_at
    from source
    where pin_key is not null
)

select * from final
