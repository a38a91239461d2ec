select
    source.source_id,
    max(load.data_to) as data_date,
    coalesce(bool_or(load.is_sample), false) as is_sample
from {{ ref('stg_ops__source') }} as source
left join {{ ref('stg_ops__load') }} as load on source.source_id = load.source_id and load.is_current
group by source.source_id
