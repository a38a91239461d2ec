select
    name_key,
    opd_code
from {{ ref('int_shared__opd_name') }}
where valid_to = 'infinity'
