select
    opd_code,
    opd_name,
    opd_short_name,
    opd_kind,
    aliases
from {{ source('reference', 'opd') }}
