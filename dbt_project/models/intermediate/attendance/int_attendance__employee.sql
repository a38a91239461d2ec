{{ config(materialized='table') }}

with employee as (
    select
        nip_key as employee_key,
        device_no,
        pin_key,
        position_class,
        employment,
        {{ name_key('opd_name') }} as name_key,
        coalesce(valid_from, '-infinity'::date) as valid_from,
        coalesce(valid_to, 'infinity'::date) as valid_to
    from {{ ref('stg_bkpsdm__pegawai') }}
),

opd as (
    select * from {{ ref('int_shared__opd_name') }}
),

-- A spelling may mean one agency until a day, another or none afterwards.
boundary as (
    select
        name_key,
        '-infinity'::date as start_on
    from employee
    union
    select
        name_key,
        valid_from as start_on
    from opd
    union
    select
        name_key,
        valid_to + 1 as start_on
    from opd
    where valid_to < 'infinity'
),

stretch as (
    select
        name_key,
        start_on,
        coalesce(lead(start_on) over (partition by name_key order by start_on) - 1, 'infinity'::date) as end_on
    from boundary
),

named as (
    select
        stretch.name_key,
        stretch.start_on,
        stretch.end_on,
        coalesce(opd.opd_code, 'unknown') as opd_code,
        coalesce(opd.opd_name, 'Tidak dikenal') as opd_name,
        coalesce(opd.opd_short_name, 'Tidak dikenal') as opd_short_name
    from stretch
    left join opd
        on
            stretch.name_key = opd.name_key
            and stretch.start_on between opd.valid_from and opd.valid_to
),

final as (
    select
        employee.employee_key,
        named.opd_code,
        named.opd_name,
        named.opd_short_name,
        employee.position_class,
        employee.employment,
        employee.device_no,
        employee.pin_key,
        greatest(employee.valid_from, named.start_on) as valid_from,
        least(employee.valid_to, named.end_on) as valid_to
    from employee
    inner join named
        on
            employee.name_key = named.name_key
            and employee.valid_from <= named.end_on
            and employee.valid_to >= named.start_on
)

select * from final
