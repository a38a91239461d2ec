{{ config(materialized='table') }}

with device_day as (
    select distinct
        device_no,
        punched_on
    from {{ ref('int_attendance__punch') }}
),

employee as (
    select * from {{ ref('int_attendance__employee') }}
),

final as (
    select distinct on (employee.employee_key, device_day.punched_on)
        employee.employee_key,
        device_day.punched_on as work_on,
        employee.opd_code,
        employee.opd_name,
        employee.opd_short_name
    from employee
    inner join device_day
        on
            employee.device_no = device_day.device_no
            and device_day.punched_on between employee.valid_from and employee.valid_to
    order by
        employee.employee_key asc,
        device_day.punched_on asc,
        employee.valid_from desc,
        employee.opd_code asc
)

select * from final
