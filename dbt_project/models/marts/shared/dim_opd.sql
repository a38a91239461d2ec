{{ config(materialized='replace_slice') }}

with opd as (
    select * from {{ ref('stg_reference__opd') }}
),

heir as (
    select
        named_opd_code as opd_code,
        min(opd_code) as current_opd_code
    from {{ ref('int_shared__opd_tenure') }}
    where step_no >= 0 and valid_to = 'infinity'
    group by named_opd_code
    -- After a split nobody can say whose a figure would be today.
    having count(distinct opd_code) = 1
),

final as (
    select
        opd.opd_code,
        opd.opd_name,
        opd.opd_short_name,
        opd.opd_kind,
        nullif(opd.valid_from, '-infinity') as valid_from,
        nullif(opd.valid_to, 'infinity') as valid_to,
        opd.valid_to = 'infinity' as is_active,
        heir.current_opd_code,
        opd.source
    from opd
    left join heir on opd.opd_code = heir.opd_code
    union all
    -- Rows of an agency whose spelling is not known yet stay visible under this one.
    select
        'unknown' as opd_code,
        'Tidak dikenal' as opd_name,
        'Tidak dikenal' as opd_short_name,
        'unknown' as opd_kind,
        null as valid_from,
        null as valid_to,
        true as is_active,
        'unknown' as current_opd_code,
        null as source
)

select * from final
