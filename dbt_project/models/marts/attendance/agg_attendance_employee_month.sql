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
        employee_key,
        month_on,
        -- Whoever moved within the month stands under the agency of the last day.
        (array_agg(opd_code order by work_on desc))[1] as opd_code,
        count(*) as employee_day_count,
        count(*) filter (where status_code in ('present', 'late')) as present_day_count,
        count(*) filter (where status_code = 'late') as late_day_count,
        count(*) filter (where status_code = 'field_duty') as field_duty_day_count,
        count(*) filter (where status_code = 'leave') as leave_day_count,
        count(*) filter (where status_code = 'absent') as absent_day_count,
        coalesce(sum(late_minutes), 0) as late_minutes,
        coalesce(sum(early_leave_minutes), 0) as early_leave_minutes,
        sum(deduction_pct) as daily_deduction_pct,
        max(work_on) as data_date
    from attendance_day
    group by employee_key, month_on
),

opd as (
    select * from {{ ref('dim_opd') }}
),

final as (
    select
        counted.employee_key,
        counted.month_on,
        counted.opd_code,
        opd.opd_name,
        opd.opd_short_name,
        counted.employee_day_count,
        counted.present_day_count,
        counted.late_day_count,
        counted.field_duty_day_count,
        counted.leave_day_count,
        counted.absent_day_count,
        counted.late_minutes,
        counted.early_leave_minutes,
        counted.daily_deduction_pct,
        least(100, counted.daily_deduction_pct)::numeric(5, 2) as deduction_pct,
        round(
            100.0 * (counted.present_day_count + counted.field_duty_day_count)
            / nullif(counted.employee_day_count - counted.leave_day_count, 0),
            2
        ) as attendance_pct,
        counted.data_date
    from counted
    inner join opd on counted.opd_code = opd.opd_code
)

select * from final
