select
    landed._load_id as load_id,
    landed._slice as slice_key,
    landed.ticket_no
from {{ source('raw', 'diskominfo__aduan') }} as landed
