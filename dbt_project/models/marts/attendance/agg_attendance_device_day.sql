{{ config(
    materialized='replace_slice',
    slice='work_on',
    changed='int_attendance__changed_day',
    indexes=[{'columns': ['work_on'], 'type': 'brin'}]
) }}

-- Person by person first: counting different ones within a day would sort all punches.
with person as (
    select
        punch.device_no,
        punch.punched_on,
        punch.pin_key,
        count(*) as punch_count,
        count(*) filter (where punch.employee_key is null) as unmapped_punch_count
    from {{ ref('int_attendance__punch') }} as punch
    inner join {{ ref('int_attendance__changed_day') }} as changed on punch.punched_on = changed.slice_on
    group by punch.device_no, punch.punched_on, punch.pin_key
),

final as (
    select
        device_no,
        punched_on as work_on,
        sum(punch_count)::bigint as punch_count,
        count(*) as person_count,
        sum(unmapped_punch_count)::bigint as unmapped_punch_count,
        punched_on as data_date
    from person
    group by device_no, punched_on
)

select * from final
