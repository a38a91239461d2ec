select
    kpi_code,
    target,
    unit,
    higher_is_better as is_higher_better
from {{ source('reference', 'target') }}
