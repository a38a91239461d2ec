with source as (
    select
        landed.nip_key,
        landed.opd_name,
        landed.position_class,
        landed.employment,
        landed.device_no,
        landed.pin_key,
        landed.valid_from,
        landed.valid_to
    from {{ source('raw', 'bkpsdm__pegawai') }} as landed
    where {{ is_current_row('bkpsdm__pegawai') }}
),

final as (
    select
        nip_key as employee_key,
        nullif(trim(opd_name), '') as opd_name,
        position_class,
        employment,
        device_no::integer as device_no,
        pin_key,
        valid_from,
        valid_to
    from source
)

select * from final
