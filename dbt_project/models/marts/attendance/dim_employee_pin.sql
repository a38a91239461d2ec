{{ config(materialized='replace_slice') }}

select
    employee_key,
    device_no,
    pin_key,
    opd_code,
    valid_from,
    nullif(valid_to, 'infinity'::date) as valid_to
from {{ ref('int_attendance__employee') }}
