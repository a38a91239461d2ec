with source as (
    select
        landed.ticket_no,
        landed.period,
        landed.classification,
        landed.category,
        landed.channel,
        landed.opd_name,
        landed.kecamatan_name,
        landed.desa_name,
        landed.status,
        landed.incident_on,
        landed.received_at,
        landed.verified_at,
        landed.first_response_at,
        landed.closed_at,
        landed.reporter_nik_key,
        landed._row_no
    from {{ source('raw', 'diskominfo__aduan') }} as landed
    where {{ is_current_row('diskominfo__aduan') }}
),

final as (
    -- A ticket may stand in the files of two months: the later month knows more.
    select distinct on (ticket_no)
        ticket_no,
        nullif(trim(classification), '') as classification,
        nullif(trim(category), '') as category,
        nullif(trim(channel), '') as channel,
        nullif(trim(opd_name), '') as opd_name,
        nullif(trim(kecamatan_name), '') as kecamatan_name,
        nullif(trim(desa_name), '') as desa_name,
        status,
        reporter_nik_key,
        incident_on,
        received_at as received_local_at,
        verified_at as verified_local_at,
        first_response_at as first_response_local_at,
        closed_at as closed_local_at
    from source
    order by ticket_no asc, period desc, _row_no desc
)

select * from final
