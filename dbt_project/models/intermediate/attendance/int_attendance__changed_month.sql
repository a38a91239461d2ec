{{ config(materialized='table') }}

select distinct date_trunc('month', slice_on)::date as slice_on
from {{ ref('int_attendance__changed_day') }}
