with complaint as (
    select * from {{ ref('fct_complaint') }}
),

final as (
    select
        date_trunc('month', received_on)::date as month_on,
        opd_code,
        min(opd_name) as opd_name,
        min(opd_short_name) as opd_short_name,
        category,
        channel,
        count(*) as received_count,
        count(*) filter (where status = 'Selesai') as closed_count,
        count(*) filter (where is_open) as open_count,
        count(*) filter (where is_overdue) as overdue_count,
        count(*) filter (where is_first_response_on_time) as first_response_on_time_count,
        count(is_first_response_on_time) as first_response_decided_count,
        count(*) filter (where is_completion_on_time) as completion_on_time_count,
        count(is_completion_on_time) as completion_decided_count,
        max(data_date) as data_date
    from complaint
    group by date_trunc('month', received_on), opd_code, category, channel
)

select * from final
