{{ config(materialized='table', indexes=[{'columns': ['ticket_no'], 'unique': true}]) }}

with changed_month as (
    select * from {{ ref('int_complaints__changed_month') }}
),

complaint as (
    select
        complaint.*,
        changed_month.slice_on as received_month_on
    from {{ ref('stg_diskominfo__aduan') }} as complaint
    inner join changed_month on date_trunc('month', complaint.received_at)::date = changed_month.slice_on
),

repeat as (
    select * from {{ ref('int_complaints__repeat') }}
),

opd as (
    select * from {{ ref('int_shared__opd_name') }}
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

-- Names of desa repeat within a regency: one is known only together with its kecamatan.
desa as (
    select
        spelling.kecamatan_code,
        spelling.name_key,
        region.region_code,
        region.region_name
    from {{ ref('int_shared__desa_spelling') }} as spelling
    inner join {{ ref('int_shared__region') }} as region on spelling.desa_code = region.region_code
),

category as (
    select
        *,
        {{ name_key('lapor_category') }} as name_key
    from {{ ref('complaint_category') }}
),

final as (
    select
        complaint.received_month_on,
        complaint.ticket_no,
        complaint.classification,
        coalesce(complaint.category, 'Tidak diisi') as category,
        coalesce(category.category_group, 'Lainnya') as category_group,
        coalesce(category.open311_service_code, 'other') as open311_service_code,
        coalesce(category.open311_service_name, 'Other') as open311_service_name,
        case
            when complaint.classification = 'Permintaan Informasi' then 'light'
            when complaint.classification = 'Aspirasi' then 'normative'
            when complaint.classification = 'Pengaduan' and category.has_supervision_content then 'with_supervision'
            else 'without_supervision'
        end as completion_class,
        coalesce(complaint.channel, 'Tidak diisi') as channel,
        coalesce(opd.opd_code, 'unknown') as opd_code,
        kecamatan.region_code as kecamatan_code,
        coalesce(kecamatan.region_name, 'Tidak dikenal') as kecamatan_name,
        desa.region_code as desa_code,
        coalesce(desa.region_name, 'Tidak dikenal') as desa_name,
        coalesce(complaint.status, 'Belum Terverifikasi') as status,
        repeat.repeat_no,
        complaint.received_at as received_local_at,
        complaint.verified_at as verified_local_at,
        complaint.first_response_at as first_response_local_at,
        complaint.closed_at as closed_local_at
    from complaint
    left join repeat on complaint.ticket_no = repeat.ticket_no
    left join opd
        on
            {{ name_key('complaint.opd_name') }} = opd.name_key
            and complaint.received_at::date between opd.valid_from and opd.valid_to
    left join kecamatan on {{ name_key('complaint.kecamatan_name') }} = kecamatan.name_key
    left join desa
        on
            kecamatan.region_code = desa.kecamatan_code
            and {{ name_key('complaint.desa_name') }} = desa.name_key
    left join category on {{ name_key('complaint.category') }} = category.name_key
)

select * from final
