{{ config(materialized='table', indexes=[{'columns': ['region_code'], 'unique': true}]) }}

with region as (
    select
        region_code,
        level,
        parent_code,
        -- Only governments carry their title in the seed; "Kota Baru" is a desa's whole name.
        case
            when level in ('province', 'regency')
                then regexp_replace(region_name, '^(Provinsi|Kabupaten|Kota) ', '')
            else region_name
        end as bare_name,
        split_part(region_code, '.', 1) as province_code,
        split_part(region_code, '.', 2) as regency_part,
        split_part(region_code, '.', 4) as desa_part
    from {{ ref('region') }}
),

titled as (
    select
        *,
        -- Kemendagri numbers cities from 71 and kelurahan from 1001.
        case
            when level = 'province' then 'Provinsi'
            when level = 'regency' and regency_part >= '71' then 'Kota'
            when level = 'regency' then 'Kabupaten'
            when level = 'kecamatan' then 'Kecamatan'
            when desa_part like '1%' then 'Kelurahan'
            else 'Desa'
        end as title
    from region
),

final as (
    select
        region_code,
        level,
        case when title = 'Kota' then 'Kota ' || bare_name else bare_name end as region_name,
        bare_name,
        title,
        title || ' ' || bare_name as region_full_name,
        parent_code,
        province_code,
        case when level <> 'province' then province_code || '.' || regency_part end as regency_code,
        case
            when level = 'kecamatan' then region_code
            when level = 'desa' then parent_code
        end as kecamatan_code,
        region_code = '{{ home_region_code() }}' as is_home_region
    from titled
)

select * from final
