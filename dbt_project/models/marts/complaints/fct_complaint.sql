{{ config(materialized='replace_slice', slice='received_month_on', changed='int_complaints__changed_month') }}

with complaint as (
    select * from {{ ref('int_complaints__complaint') }}
),

event as (
    select * from {{ ref('int_complaints__event') }}
),

calendar as (
    select
        date_on,
        is_working_day,
        working_day_no
    from {{ ref('int_shared__calendar') }}
),

working_day as (
    select
        date_on,
        working_day_no
    from calendar
    where is_working_day
),

target as (
    select
        target.*,
        regulation.title as regulation_title
    from {{ ref('complaint_target') }} as target
    left join {{ ref('dim_regulation') }} as regulation on target.regulation = regulation.regulation_code
),

opd as (
    select * from {{ ref('dim_opd') }}
),

as_of as (
    select
        as_of.data_date as as_of_on,
        calendar.working_day_no as as_of_no
    from {{ ref('int_complaints__as_of') }} as as_of
    left join calendar on as_of.data_date = calendar.date_on
),

story as (
    select
        ticket_no,
        min(occurred_local_at) filter (where event_type = 'verified') as verified_local_at,
        min(occurred_local_at) filter (where event_type = 'answered') as first_response_local_at,
        max(occurred_local_at) filter (where event_type = 'answered') as last_response_local_at,
        max(occurred_local_at) filter (where event_type in ('closed', 'rejected')) as decided_local_at,
        max(occurred_local_at) filter (where event_type = 'closed') as closed_local_at,
        min(occurred_local_at) as first_event_local_at,
        max(occurred_local_at) as last_event_local_at,
        max(event_no) filter (where event_type = 'answered') as last_response_no,
        max(event_no) filter (where event_type = 'reopened') as last_reopened_no,
        (array_agg(event_type order by event_no desc) filter (
            where event_type in ('closed', 'rejected', 'reopened')
        ))[1] as deciding_type,
        count(*) filter (where event_type = 'handed_over')::integer as handover_count,
        count(*) filter (where event_type = 'reopened')::integer as reopened_count,
        (array_agg(to_opd_code order by event_no asc) filter (
            where event_type = 'handed_over' and to_opd_code is not null
        ))[1] as first_opd_code,
        (array_agg(to_opd_code order by event_no desc) filter (
            where event_type = 'handed_over' and to_opd_code is not null
        ))[1] as last_opd_code,
        max(occurred_local_at) filter (
            where event_type = 'handed_over' and to_opd_code is not null
        ) as handed_over_local_at
    from event
    group by ticket_no
),

decided as (
    select
        complaint.received_month_on,
        complaint.ticket_no,
        complaint.classification,
        complaint.category,
        complaint.category_group,
        complaint.open311_service_code,
        complaint.open311_service_name,
        complaint.completion_class,
        complaint.channel,
        complaint.kecamatan_code,
        complaint.kecamatan_name,
        complaint.desa_code,
        complaint.desa_name,
        complaint.status,
        complaint.repeat_no,
        complaint.received_local_at,
        story.verified_local_at,
        story.first_response_local_at,
        story.last_response_local_at,
        story.last_event_local_at,
        story.handover_count,
        story.reopened_count,
        coalesce(story.last_opd_code, complaint.opd_code) as opd_code,
        coalesce(story.first_opd_code, complaint.opd_code) as first_opd_code,
        coalesce(story.handed_over_local_at, complaint.received_local_at) as at_opd_since_local_at,
        -- Without a deciding event the status speaks: such a complaint is closed, nobody knows when.
        case
            when story.deciding_type = 'reopened' then 'open'
            when story.deciding_type is not null then story.deciding_type
            when complaint.status = 'Selesai' then 'closed'
            when complaint.status = 'Ditolak' then 'rejected'
            else 'open'
        end as state,
        case when story.deciding_type <> 'reopened' then story.decided_local_at end as decided_local_at,
        case when story.deciding_type = 'closed' then story.closed_local_at end as closed_local_at,
        story.first_event_local_at < complaint.received_local_at as is_time_order_broken,
        coalesce(story.last_reopened_no > story.last_response_no, false) as is_reopened_after_response
    from complaint
    inner join story on complaint.ticket_no = story.ticket_no
),

numbered as (
    select
        decided.*,
        as_of.as_of_on,
        as_of.as_of_no,
        decided.state = 'open' as is_open,
        received_day.working_day_no as received_no,
        verified_day.working_day_no as verified_no,
        first_response_day.working_day_no as first_response_no,
        last_response_day.working_day_no as last_response_no,
        at_opd_since_day.working_day_no as at_opd_since_no,
        decided_day.working_day_no as decided_no,
        closed_day.working_day_no as closed_no,
        verification_target.target_days as verification_target_days,
        first_response_target.target_days as first_response_target_days,
        completion_target.target_days as completion_target_days,
        silent_closing_target.target_days as silent_closing_target_days,
        completion_target.regulation_title as completion_regulation
    from decided
    cross join as_of
    left join calendar as received_day on decided.received_local_at::date = received_day.date_on
    left join calendar as verified_day on decided.verified_local_at::date = verified_day.date_on
    left join calendar as first_response_day on decided.first_response_local_at::date = first_response_day.date_on
    left join calendar as last_response_day on decided.last_response_local_at::date = last_response_day.date_on
    left join calendar as at_opd_since_day on decided.at_opd_since_local_at::date = at_opd_since_day.date_on
    left join calendar as decided_day on decided.decided_local_at::date = decided_day.date_on
    left join calendar as closed_day on decided.closed_local_at::date = closed_day.date_on
    left join target as verification_target
        on
            verification_target.clock = 'verification'
            and decided.received_local_at::date between verification_target.valid_from and verification_target.valid_to
    left join target as first_response_target
        on
            first_response_target.clock = 'first_response'
            and decided.received_local_at::date
            between first_response_target.valid_from and first_response_target.valid_to
    left join target as completion_target
        on
            completion_target.clock = 'completion'
            and decided.completion_class = completion_target.completion_class
            and decided.received_local_at::date between completion_target.valid_from and completion_target.valid_to
    left join target as silent_closing_target
        on
            silent_closing_target.clock = 'silent_closing'
            and decided.received_local_at::date
            between silent_closing_target.valid_from and silent_closing_target.valid_to
),

-- A clock that would run backwards has no length.
clocked as (
    select
        *,
        case when verified_local_at >= received_local_at then verified_no - received_no end as verification_days,
        case
            when first_response_local_at >= received_local_at then first_response_no - received_no
        end as first_response_days,
        case when closed_local_at >= received_local_at then closed_no - received_no end as completion_days,
        case when decided_local_at >= at_opd_since_local_at then decided_no - at_opd_since_no end as days_at_opd,
        case when is_open then {{ complaint_age_bucket('as_of_no - received_no') }} end as age_bucket_no
    from numbered
),

due as (
    select
        clocked.*,
        verification_due.date_on as verification_due_on,
        first_response_due.date_on as first_response_due_on,
        completion_due.date_on as completion_due_on,
        case when not clocked.is_reopened_after_response then silent_close_due.date_on end as silent_close_due_on
    from clocked
    left join working_day as verification_due
        on clocked.received_no + clocked.verification_target_days = verification_due.working_day_no
    left join working_day as first_response_due
        on clocked.received_no + clocked.first_response_target_days = first_response_due.working_day_no
    left join working_day as completion_due
        on clocked.received_no + clocked.completion_target_days = completion_due.working_day_no
    left join working_day as silent_close_due
        on clocked.last_response_no + clocked.silent_closing_target_days = silent_close_due.working_day_no
),

final as (
    select
        due.received_month_on,
        due.ticket_no,
        due.classification,
        due.category,
        due.category_group,
        due.open311_service_code,
        due.open311_service_name,
        case when due.is_open then 'open' else 'closed' end as open311_status,
        due.channel,
        due.opd_code,
        opd.opd_name,
        opd.opd_short_name,
        due.first_opd_code,
        first_opd.opd_short_name as first_opd_short_name,
        due.kecamatan_code,
        due.kecamatan_name,
        due.desa_code,
        due.desa_name,
        due.status,
        due.is_open,
        due.state = 'rejected' as is_rejected,
        due.received_local_at at time zone '{{ region_time_zone() }}' as received_at,
        due.received_local_at::date as received_on,
        due.verified_local_at at time zone '{{ region_time_zone() }}' as verified_at,
        due.first_response_local_at at time zone '{{ region_time_zone() }}' as first_response_at,
        due.last_response_local_at at time zone '{{ region_time_zone() }}' as last_response_at,
        due.closed_local_at at time zone '{{ region_time_zone() }}' as closed_at,
        due.verification_days,
        due.first_response_days,
        due.completion_days,
        due.completion_class,
        case due.completion_class
            when 'light' then 'Ringan'
            when 'normative' then 'Normatif'
            when 'with_supervision' then 'Berkadar pengawasan'
            else 'Tidak berkadar pengawasan'
        end as completion_class_label,
        due.completion_regulation,
        due.verification_target_days,
        due.first_response_target_days,
        due.completion_target_days,
        due.verification_due_on,
        due.first_response_due_on,
        due.completion_due_on,
        -- Not done and past its day is late; not done and still within it is undecided.
        case
            when due.verified_local_at is not null then due.verification_days <= due.verification_target_days
            when due.is_open and due.as_of_on > due.verification_due_on then false
        end as is_verification_on_time,
        case
            when due.first_response_local_at is not null
                then due.first_response_days <= due.first_response_target_days
            when due.is_open and due.as_of_on > due.first_response_due_on then false
        end as is_first_response_on_time,
        case
            when due.is_open and due.as_of_on > due.completion_due_on then false
            when due.state = 'closed' then due.completion_days <= due.completion_target_days
        end as is_completion_on_time,
        coalesce(due.is_open and due.as_of_on > due.completion_due_on, false) as is_overdue,
        due.silent_close_due_on,
        coalesce(due.is_open and due.as_of_on > due.silent_close_due_on, false) as is_silent_close_due,
        coalesce(
            due.state = 'closed' and due.closed_no - due.last_response_no >= due.silent_closing_target_days, false
        ) as was_closed_silently,
        due.handover_count,
        due.days_at_opd,
        due.reopened_count,
        due.repeat_no,
        coalesce(due.repeat_no > 1, false) as is_repeat,
        due.age_bucket_no,
        {{ complaint_age_label('due.age_bucket_no') }} as age_bucket_label,
        due.is_time_order_broken,
        max(greatest(due.last_event_local_at, due.received_local_at)::date)
            over (partition by due.received_month_on) as data_date
    from due
    left join opd on due.opd_code = opd.opd_code
    left join opd as first_opd on due.first_opd_code = first_opd.opd_code
)

select * from final
