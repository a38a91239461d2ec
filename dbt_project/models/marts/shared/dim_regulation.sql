{{ config(materialized='replace_slice') }}

select
    regulation_code,
    title,
    subject,
    valid_from,
    valid_to,
    source,
    is_verified
from {{ ref('regulation') }}
