{{ config(materialized='replace_slice') }}

with account as (
    select * from {{ ref('budget_account') }}
)

select
    account.account_code,
    account.account_name,
    account.level,
    account.parent_code,
    class.account_code as class_code,
    class.account_name as class_name
from account
inner join account as class on split_part(account.account_code, '.', 1) = class.account_code
