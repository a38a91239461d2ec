{{ config(materialized='table') }}

with punch as (
    -- What else a terminal writes (state, way of recognition) may differ for one punch.
    select distinct
        device_no,
        pin_key,
        punched_at as punched_local_at
    from {{ ref('stg_bkpsdm__absensi_mesin') }}
),

employee as (
    select * from {{ ref('int_attendance__employee') }}
),

final as (
    -- Two employees with one PIN on one day is an error of the map: the later entry counts.
    select distinct on (punch.device_no, punch.pin_key, punch.punched_local_at)
        punch.device_no,
        punch.pin_key,
        punch.punched_local_at,
        punch.punched_local_at::date as punched_on,
        employee.employee_key
    from punch
    left join employee
        on
            punch.device_no = employee.device_no
            and punch.pin_key = employee.pin_key
            and punch.punched_local_at::date between employee.valid_from and employee.valid_to
    order by
        punch.device_no asc,
        punch.pin_key asc,
        punch.punched_local_at asc,
        employee.valid_from desc,
        employee.employee_key asc
)

select * from final
