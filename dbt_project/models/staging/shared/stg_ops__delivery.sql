select
    delivery_id,
    source_id,
    status,
    received_at
from {{ source('ops', 'delivery') }}
where source_id is not null
