{{ config(materialized='replace_slice') }}

select
    opd_code,
    version_no,
    opd_name,
    opd_short_name,
    nullif(valid_from, '-infinity') as valid_from,
    nullif(valid_to, 'infinity') as valid_to,
    version_no = max(version_no) over (partition by opd_code) as is_latest,
    source
from {{ ref('stg_reference__opd_version') }}
