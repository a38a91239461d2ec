select
    opd_code,
    opd_name,
    opd_short_name,
    opd_kind,
    aliases,
    coalesce(valid_from, '-infinity'::date) as valid_from,
    coalesce(valid_to, 'infinity'::date) as valid_to,
    successors,
    source
from {{ source('reference', 'opd') }}
