with complaint as (
    select * from {{ ref('stg_diskominfo__aduan') }}
),

opd as (
    select
        spelling.name_key,
        opd.opd_code,
        opd.opd_name,
        opd.opd_short_name
    from {{ ref('int_shared__opd_spelling') }} as spelling
    inner join {{ ref('stg_reference__opd') }} as opd on spelling.opd_code = opd.opd_code
),

kecamatan as (
    select
        spelling.name_key,
        region.region_code,
        region.region_name
    from {{ ref('int_shared__region_spelling') }} as spelling
    inner join {{ ref('int_shared__region') }} as region on spelling.region_code = region.region_code
    where spelling.level = 'kecamatan'
),

category as (
    select
        {{ name_key('lapor_category') }} as name_key,
        min(category_group) as category_group
    from {{ ref('complaint_category') }}
    group by 1
),

final as (
    select
        complaint.ticket_no,
        complaint.classification,
        coalesce(complaint.category, 'Tidak diisi') as category,
        coalesce(category.category_group, 'Lainnya') as category_group,
        coalesce(complaint.channel, 'Tidak diisi') as channel,
        coalesce(opd.opd_code, 'unknown') as opd_code,
        coalesce(opd.opd_name, 'Tidak dikenal') as opd_name,
        coalesce(opd.opd_short_name, 'Tidak dikenal') as opd_short_name,
        kecamatan.region_code as kecamatan_code,
        coalesce(kecamatan.region_name, 'Tidak dikenal') as kecamatan_name,
        coalesce(complaint.status, 'Belum Terverifikasi') as status,
        coalesce(complaint.status, '') not in ('Selesai', 'Ditolak') as is_open,
        complaint.received_at as received_local_at,
        complaint.verified_at as verified_local_at,
        complaint.first_response_at as first_response_local_at,
        complaint.closed_at as closed_local_at
    from complaint
    left join opd on {{ name_key('complaint.opd_name') }} = opd.name_key
    left join kecamatan on {{ name_key('complaint.kecamatan_name') }} = kecamatan.name_key
    left join category on {{ name_key('complaint.category') }} = category.name_key
)

select * from final
