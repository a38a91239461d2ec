select
    region_code,
    level,
    region_name,
    region_full_name,
    parent_code,
    province_code,
    regency_code,
    kecamatan_code
from {{ ref('int_shared__region') }}
