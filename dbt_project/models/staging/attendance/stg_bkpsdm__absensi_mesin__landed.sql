select
    landed._load_id as load_id,
    landed.device_no,
    landed.pin_key,
    landed.punched_at
from {{ source('raw', 'bkpsdm__absensi_mesin') }} as landed
