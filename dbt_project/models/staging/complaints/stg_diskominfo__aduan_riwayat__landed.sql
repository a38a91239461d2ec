select
    landed._load_id as load_id,
    landed.ticket_no
from {{ source('raw', 'diskominfo__aduan_riwayat') }} as landed
