with punch as (
    select * from {{ ref('int_attendance__punch') }}
),

as_of as (
    select data_date from {{ ref('int_shared__source_as_of') }}
    where source_id = 'bkpsdm__absensi_mesin'
),

counted as (
    select
        device_no,
        punched_on as work_on,
        count(*) as punch_count,
        count(distinct pin_key) as person_count,
        count(*) filter (where employee_key is null) as unmapped_punch_count
    from punch
    group by device_no, punched_on
),

final as (
    select
        counted.*,
        as_of.data_date
    from counted
    cross join as_of
)

select * from final
