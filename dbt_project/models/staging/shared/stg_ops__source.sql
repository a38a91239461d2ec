select
    source_id,
    title,
    domain,
    opd_code,
    frequency,
    due_working_days
from {{ source('ops', 'source') }}
