{{ config(materialized='replace_slice') }}

with placement as (
    select * from {{ ref('int_attendance__placement') }}
),

pin as (
    select distinct
        employee_key,
        device_no,
        pin_key
    from {{ ref('int_attendance__employee') }}
),

counted as (
    select
        employee_key,
        count(*) as pin_count
    from pin
    group by employee_key
),

as_of as (
    select data_date from {{ ref('int_shared__source_as_of') }}
    where source_id = 'bkpsdm__pegawai'
),

bounds as (
    select
        employee_key,
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from placement
    group by employee_key
),

final as (
    select distinct on (placement.employee_key)
        placement.employee_key,
        placement.opd_code,
        placement.opd_name,
        placement.opd_short_name,
        placement.position_class,
        placement.employment,
        counted.pin_count,
        nullif(bounds.valid_from, '-infinity'::date) as valid_from,
        nullif(bounds.valid_to, 'infinity'::date) as valid_to,
        as_of.data_date
    from placement
    inner join counted on placement.employee_key = counted.employee_key
    inner join bounds on placement.employee_key = bounds.employee_key
    cross join as_of
    order by
        placement.employee_key asc,
        placement.valid_from desc
)

select * from final
