with source_as_of as (
    select * from {{ ref('int_shared__source_as_of') }}
)

-- What both the register and the log cover: judged beyond the log's last day, a complaint that was answered since
-- would count as late. A log that never came holds nobody back.
select
    least(
        max(data_date) filter (where source_id = 'diskominfo__aduan'),
        max(data_date) filter (where source_id = 'diskominfo__aduan_riwayat')
    ) as data_date
from source_as_of
