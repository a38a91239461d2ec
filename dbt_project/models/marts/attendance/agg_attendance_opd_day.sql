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
        count(*) filter (where status_code = 'absent') as absent_count,
        max(data_date) as data_date
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
        absent_count,
        round(100.0 * present_count / nullif(employee_count, 0), 2) as attendance_pct,
        round(100.0 * late_count / nullif(present_count, 0), 2) as late_pct,
        data_date
    from counted
)

select * from final
