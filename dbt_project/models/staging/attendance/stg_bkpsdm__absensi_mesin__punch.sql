-- What else a terminal writes (state, way of recognition) may differ for one punch.
select distinct
    landed.device_no,
    landed.pin_key,
    landed.punched_at
from {{ source('raw', 'bkpsdm__absensi_mesin') }} as landed
where {{ is_current_row('bkpsdm__absensi_mesin', is_sliced=false) }}
