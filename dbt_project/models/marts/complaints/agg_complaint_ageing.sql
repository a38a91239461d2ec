{{ config(materialized='replace_slice', slice='month_on', changed='int_complaints__changed_month') }}

with complaint as (
    select * from {{ ref('fct_complaint') }}
    where is_open and age_bucket_no is not null
),

final as (
    select
        received_month_on as month_on,
        opd_code,
        min(opd_name) as opd_name,
        min(opd_short_name) as opd_short_name,
        age_bucket_no,
        min(age_bucket_label) as age_bucket_label,
        count(*) as open_count,
        count(*) filter (where is_overdue) as overdue_count,
        count(*) filter (where is_silent_close_due) as silent_close_due_count,
        max(data_date) as data_date
    from complaint
    group by received_month_on, opd_code, age_bucket_no
)

select * from final
