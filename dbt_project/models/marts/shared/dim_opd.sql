select
    opd_code,
    opd_name,
    opd_short_name,
    opd_kind
from {{ ref('stg_reference__opd') }}
union all
-- Rows of an agency whose spelling is not known yet stay visible under this one.
select
    'unknown' as opd_code,
    'Tidak dikenal' as opd_name,
    'Tidak dikenal' as opd_short_name,
    'unknown' as opd_kind
