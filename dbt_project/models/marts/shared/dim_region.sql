{{ config(materialized='replace_slice') }}

with region as (
    select * from {{ ref('int_shared__region') }}
),

bps as (
    select * from {{ ref('bps_region') }}
)

select
    region.region_code,
    region.level,
    region.region_name,
    region.region_full_name,
    region.parent_code,
    region.province_code,
    region.regency_code,
    region.kecamatan_code,
    bps.bps_code
from region
left join bps on region.region_code = bps.region_code
