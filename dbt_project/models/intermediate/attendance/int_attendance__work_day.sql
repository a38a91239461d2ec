{{ config(materialized='table') }}

with day as (
    select distinct changed.slice_on + shifted.days as work_on
    from {{ ref('int_attendance__changed_day') }} as changed
    cross join (values (-1), (0), (1)) as shifted (days)
),

calendar as (
    select * from {{ ref('int_shared__calendar') }}
),

hours as (
    select * from {{ ref('work_hours') }}
    where hours_set = '{{ var("attendance_hours_set") }}'
),

final as (
    select
        day.work_on,
        changed.slice_on is not null as is_changed,
        calendar.is_working_day,
        hours.start_time,
        hours.end_time,
        hours.flex_minutes
    from day
    inner join calendar on day.work_on = calendar.date_on
    left join {{ ref('int_attendance__changed_day') }} as changed on day.work_on = changed.slice_on
    left join hours
        on
            day.work_on between hours.valid_from and coalesce(hours.valid_to, 'infinity'::date)
            and calendar.is_ramadan = hours.is_ramadan
            and calendar.weekday_no between hours.weekday_from and hours.weekday_to
)

select * from final
