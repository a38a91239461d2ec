{{ config(
    materialized='replace_slice',
    slice='month_on',
    changed='int_attendance__changed_month',
    indexes=[{'columns': ['month_on'], 'type': 'brin'}]
) }}

with attendance_day as (
    {{ attendance_of_changed_months() }}
),

counted as (
    select
        opd_code,
        month_on,
        min(opd_name) as opd_name,
        min(opd_short_name) as opd_short_name,
        count(distinct employee_key) as employee_count,
        count(distinct work_on) as work_day_count,
        count(*) as employee_day_count,
        count(*) filter (where status_code in ('present', 'late')) as present_day_count,
        count(*) filter (where status_code = 'late') as late_day_count,
        count(*) filter (where status_code = 'field_duty') as field_duty_day_count,
        count(*) filter (where status_code = 'leave') as leave_day_count,
        count(*) filter (where status_code = 'absent') as absent_day_count,
        coalesce(sum(late_minutes), 0) as late_minutes,
        round(avg(deduction_pct), 2) as mean_deduction_pct,
        max(work_on) as data_date
    from attendance_day
    group by opd_code, month_on
),

final as (
    select
        opd_code,
        month_on,
        opd_name,
        opd_short_name,
        employee_count,
        work_day_count,
        employee_day_count,
        present_day_count,
        late_day_count,
        field_duty_day_count,
        leave_day_count,
        absent_day_count,
        late_minutes,
        mean_deduction_pct,
        round(
            100.0 * (present_day_count + field_duty_day_count) / nullif(employee_day_count - leave_day_count, 0), 2
        ) as attendance_pct,
        round(100.0 * late_day_count / nullif(present_day_count, 0), 2) as late_pct,
        data_date
    from counted
)

select * from final
