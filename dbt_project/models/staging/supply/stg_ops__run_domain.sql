select
    domain,
    status
from {{ source('ops', 'run_domain') }}
