{{ config(materialized='table') }}

with source_as_of as (
    select * from {{ ref('stg_ops__build_source') }}
    where domain = 'complaints'
)

-- What both the register and the log cover: judged beyond the log's last day, a complaint that was answered since
-- would count as late. A log that never came holds nobody back. As the ledger was when this build began, so that a
-- file that comes meanwhile cannot judge some marts as of another day.
select
    least(
        max(data_date) filter (where source_id = 'diskominfo__aduan'),
        max(data_date) filter (where source_id = 'diskominfo__aduan_riwayat')
    ) as data_date
from source_as_of
