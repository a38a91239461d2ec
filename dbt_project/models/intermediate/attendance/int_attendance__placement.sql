{{ config(materialized='table') }}

with employee as (
    select * from {{ ref('int_attendance__employee') }}
),

boundary as (
    select
        employee_key,
        valid_from as start_on
    from employee
    union
    select
        employee_key,
        valid_to + 1 as start_on
    from employee
    where valid_to < 'infinity'
),

stretch as (
    select
        employee_key,
        start_on,
        coalesce(lead(start_on) over (partition by employee_key order by start_on) - 1, 'infinity'::date) as end_on
    from boundary
),

final as (
    select distinct on (stretch.employee_key, stretch.start_on)
        stretch.employee_key,
        stretch.start_on as valid_from,
        stretch.end_on as valid_to,
        employee.opd_code,
        employee.opd_name,
        employee.opd_short_name,
        employee.position_class,
        employee.employment
    from stretch
    inner join employee
        on
            stretch.employee_key = employee.employee_key
            and stretch.start_on between employee.valid_from and employee.valid_to
    order by
        stretch.employee_key asc,
        stretch.start_on asc,
        employee.valid_from desc,
        employee.opd_code asc,
        employee.position_class asc,
        employee.employment asc
)

select * from final
