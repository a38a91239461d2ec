{{ config(materialized='replace_slice', slice='month_on', changed='int_complaints__changed_month') }}

with complaint as (
    select * from {{ ref('fct_complaint') }}
),

event as (
    select * from {{ ref('fct_complaint_event') }}
),

-- A step counts once a complaint, however often it was taken.
step as (
    select
        ticket_no,
        bool_or(event_type = 'verified') as is_verified,
        bool_or(event_type = 'handed_over') as is_handed_over,
        bool_or(event_type = 'answered') as is_answered
    from event
    group by ticket_no
),

final as (
    select
        complaint.received_month_on as month_on,
        complaint.opd_code,
        min(complaint.opd_name) as opd_name,
        min(complaint.opd_short_name) as opd_short_name,
        count(*) as received_count,
        count(*) filter (where step.is_verified) as verified_count,
        count(*) filter (where step.is_handed_over) as handed_over_count,
        count(*) filter (where complaint.handover_count > 1) as forwarded_count,
        count(*) filter (where step.is_answered) as answered_count,
        count(*) filter (where not complaint.is_open and not complaint.is_rejected) as closed_count,
        count(*) filter (where complaint.is_rejected) as rejected_count,
        count(*) filter (where complaint.reopened_count > 0) as reopened_count,
        count(*) filter (where complaint.was_closed_silently) as closed_silently_count,
        (percentile_cont(0.5) within group (order by complaint.verification_days))::numeric(7, 1)
            as median_verification_days,
        (percentile_cont(0.5) within group (order by complaint.first_response_days))::numeric(7, 1)
            as median_first_response_days,
        (percentile_cont(0.5) within group (order by complaint.completion_days))::numeric(7, 1)
            as median_completion_days,
        max(complaint.data_date) as data_date
    from complaint
    left join step on complaint.ticket_no = step.ticket_no
    group by complaint.received_month_on, complaint.opd_code
)

select * from final
