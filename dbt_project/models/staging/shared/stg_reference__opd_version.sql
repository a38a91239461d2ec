select
    opd_code,
    version_no,
    opd_name,
    opd_short_name,
    coalesce(valid_from, '-infinity'::date) as valid_from,
    coalesce(valid_to, 'infinity'::date) as valid_to,
    source
from {{ source('reference', 'opd_version') }}
