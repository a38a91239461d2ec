select
    landed._slice as slice_key,
    landed.start_on,
    landed.end_on
from {{ source('raw', 'bkpsdm__ketidakhadiran') }} as landed
