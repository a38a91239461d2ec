{{ config(materialized='replace_slice', slice='month_on', changed='int_complaints__changed_month') }}

with complaint as (
    select * from {{ ref('fct_complaint') }}
),

final as (
    select
        received_month_on as month_on,
        opd_code,
        min(opd_name) as opd_name,
        min(opd_short_name) as opd_short_name,
        category,
        min(category_group) as category_group,
        channel,
        count(*) as received_count,
        count(*) filter (where not is_open and not is_rejected) as closed_count,
        count(*) filter (where is_open) as open_count,
        count(*) filter (where is_overdue) as overdue_count,
        count(*) filter (where is_repeat) as repeat_count,
        count(*) filter (where is_verification_on_time) as verification_on_time_count,
        count(is_verification_on_time) as verification_decided_count,
        count(*) filter (where is_first_response_on_time) as first_response_on_time_count,
        count(is_first_response_on_time) as first_response_decided_count,
        count(*) filter (where is_completion_on_time) as completion_on_time_count,
        count(is_completion_on_time) as completion_decided_count,
        max(data_date) as data_date
    from complaint
    group by received_month_on, opd_code, category, channel
)

select * from final
