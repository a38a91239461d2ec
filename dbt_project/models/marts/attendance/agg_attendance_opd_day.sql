{{ config(
    materialized='replace_slice',
    slice='work_on',
    changed='int_attendance__changed_day',
    indexes=[{'columns': ['work_on'], 'type': 'brin'}]
) }}

with attendance_day as (
    select * from {{ ref('fct_attendance_day') }}
    where status_code <> 'off_day'
),

counted as (
    select
        opd_code,
        work_on,
        min(opd_name) as opd_name,
        min(opd_short_name) as opd_short_name,
        count(*) as employee_count,
        count(*) filter (where status_code in ('present', 'late')) as present_count,
        count(*) filter (where status_code = 'late') as late_count,
        count(*) filter (where status_code = 'field_duty') as field_duty_count,
        count(*) filter (where status_code = 'leave') as leave_count,
        count(*) filter (where status_code = 'absent') as absent_count
    from attendance_day
    group by opd_code, work_on
),

final as (
    select
        opd_code,
        work_on,
        opd_name,
        opd_short_name,
        employee_count,
        present_count,
        late_count,
        field_duty_count,
        leave_count,
        absent_count,
        round(100.0 * (present_count + field_duty_count) / nullif(employee_count - leave_count, 0), 2)
            as attendance_pct,
        round(100.0 * late_count / nullif(present_count, 0), 2) as late_pct,
        work_on as data_date
    from counted
)

select * from final
