select
    domain,
    source_id,
    data_date
from {{ source('ops', 'build_source') }}
