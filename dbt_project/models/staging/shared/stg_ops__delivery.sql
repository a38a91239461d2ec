select
    delivery_id,
    source_id,
    status,
    received_at
from {{ source('ops', 'delivery') }}
-- What a newer contract loads again from the kept originals, no agency has delivered.
where source_id is not null and replays_load_id is null
