{{ config(materialized='table', indexes=[{'columns': ['device_no', 'pin_key']}]) }}

with employee as (
    select * from {{ ref('stg_bkpsdm__pegawai') }}
),

opd as (
    select
        spelling.name_key,
        opd.opd_code,
        opd.opd_name,
        opd.opd_short_name
    from {{ ref('int_shared__opd_spelling') }} as spelling
    inner join {{ ref('stg_reference__opd') }} as opd on spelling.opd_code = opd.opd_code
),

final as (
    select
        employee.nip_key as employee_key,
        coalesce(opd.opd_code, 'unknown') as opd_code,
        coalesce(opd.opd_name, 'Tidak dikenal') as opd_name,
        coalesce(opd.opd_short_name, 'Tidak dikenal') as opd_short_name,
        employee.device_no,
        employee.pin_key,
        coalesce(employee.valid_from, '-infinity'::date) as valid_from,
        coalesce(employee.valid_to, 'infinity'::date) as valid_to
    from employee
    left join opd on {{ name_key('employee.opd_name') }} = opd.name_key
)

select * from final
