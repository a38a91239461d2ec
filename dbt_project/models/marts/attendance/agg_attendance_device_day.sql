{{ config(
    materialized='replace_slice',
    slice='work_on',
    changed='int_attendance__changed_day',
    indexes=[{'columns': ['work_on'], 'type': 'brin'}]
) }}

with punch as (
    select punch.*
    from {{ ref('int_attendance__punch') }} as punch
    inner join {{ ref('int_attendance__changed_day') }} as changed on punch.punched_on = changed.slice_on
),

final as (
    select
        device_no,
        punched_on as work_on,
        count(*) as punch_count,
        count(distinct pin_key) as person_count,
        count(*) filter (where employee_key is null) as unmapped_punch_count,
        punched_on as data_date
    from punch
    group by device_no, punched_on
)

select * from final
