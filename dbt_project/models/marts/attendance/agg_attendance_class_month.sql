{{ config(
    materialized='replace_slice',
    slice='month_on',
    changed='int_attendance__changed_month',
    indexes=[{'columns': ['month_on'], 'type': 'brin'}]
) }}

with attendance_day as (
    {{ attendance_of_changed_months() }}
),

final as (
    select
        opd_code,
        month_on,
        case
            when status_code in ('present', 'late') then coalesce(late_class, 'none')
            else status_code
        end as class_code,
        case
            when late_class = 'TL0' then 'Tepat waktu'
            when late_class is not null then late_class
            when status_code in ('present', 'late') then 'Belum diatur'
            else min(status_label)
        end as class_label,
        min(opd_name) as opd_name,
        min(opd_short_name) as opd_short_name,
        count(*) as employee_day_count,
        max(work_on) as data_date
    from attendance_day
    group by opd_code, month_on, status_code in ('present', 'late'), late_class, status_code
)

select * from final
