{{ config(materialized='table', indexes=[{'columns': ['device_no', 'pin_key']}]) }}

with employee as (
    select * from {{ ref('int_attendance__employee') }}
),

boundary as (
    select
        device_no,
        pin_key,
        valid_from as start_on
    from employee
    union
    select
        device_no,
        pin_key,
        valid_to + 1 as start_on
    from employee
    where valid_to < 'infinity'
),

stretch as (
    select
        device_no,
        pin_key,
        start_on,
        coalesce(
            lead(start_on) over (partition by device_no, pin_key order by start_on) - 1,
            'infinity'::date
        ) as end_on
    from boundary
),

-- Two employees with one PIN on one day is an error of the map: the later entry counts.
final as (
    select distinct on (stretch.device_no, stretch.pin_key, stretch.start_on)
        stretch.device_no,
        stretch.pin_key,
        stretch.start_on as valid_from,
        stretch.end_on as valid_to,
        employee.employee_key
    from stretch
    inner join employee
        on
            stretch.device_no = employee.device_no
            and stretch.pin_key = employee.pin_key
            and stretch.start_on between employee.valid_from and employee.valid_to
    order by
        stretch.device_no asc,
        stretch.pin_key asc,
        stretch.start_on asc,
        employee.valid_from desc,
        employee.employee_key asc
)

select * from final
