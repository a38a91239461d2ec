with complaint as (
    select * from {{ ref('int_complaints__complaint') }}
),

calendar as (
    select * from {{ ref('int_shared__calendar') }}
),

as_of as (
    select data_date from {{ ref('int_shared__source_as_of') }}
    where source_id = 'diskominfo__aduan'
),

numbered as (
    select
        complaint.*,
        as_of.data_date,
        received_day.working_day_no as received_no,
        verified_day.working_day_no as verified_no,
        first_response_day.working_day_no as first_response_no,
        closed_day.working_day_no as closed_no,
        {{ var('complaint_verification_days') }} as verification_target_days,
        {{ var('complaint_first_response_days') }} as first_response_target_days,
        case
            when complaint.classification in ('Aspirasi', 'Permintaan Informasi')
                then {{ var('complaint_completion_days_other') }}
            else {{ var('complaint_completion_days') }}
        end as completion_target_days
    from complaint
    cross join as_of
    left join calendar as received_day on complaint.received_local_at::date = received_day.date_on
    left join calendar as verified_day on complaint.verified_local_at::date = verified_day.date_on
    left join calendar as first_response_day on complaint.first_response_local_at::date = first_response_day.date_on
    left join calendar as closed_day on complaint.closed_local_at::date = closed_day.date_on
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
        coalesce(
            least(verified_local_at, first_response_local_at, closed_local_at) < received_local_at
            or least(first_response_local_at, closed_local_at) < verified_local_at
            or closed_local_at < first_response_local_at,
            false
        ) as is_time_order_broken
    from numbered
),

due as (
    select
        clocked.*,
        verification_due.date_on as verification_due_on,
        first_response_due.date_on as first_response_due_on,
        completion_due.date_on as completion_due_on
    from clocked
    left join calendar as verification_due
        on
            clocked.received_no + clocked.verification_target_days = verification_due.working_day_no
            and verification_due.is_working_day
    left join calendar as first_response_due
        on
            clocked.received_no + clocked.first_response_target_days = first_response_due.working_day_no
            and first_response_due.is_working_day
    left join calendar as completion_due
        on
            clocked.received_no + clocked.completion_target_days = completion_due.working_day_no
            and completion_due.is_working_day
),

final as (
    select
        ticket_no,
        classification,
        category,
        category_group,
        channel,
        opd_code,
        opd_name,
        opd_short_name,
        kecamatan_code,
        kecamatan_name,
        status,
        is_open,
        received_local_at at time zone '{{ region_time_zone() }}' as received_at,
        received_local_at::date as received_on,
        verified_local_at at time zone '{{ region_time_zone() }}' as verified_at,
        first_response_local_at at time zone '{{ region_time_zone() }}' as first_response_at,
        closed_local_at at time zone '{{ region_time_zone() }}' as closed_at,
        verification_days,
        first_response_days,
        completion_days,
        verification_target_days,
        first_response_target_days,
        completion_target_days,
        first_response_due_on,
        completion_due_on,
        -- Not done and past its day is late; not done and still within it is undecided.
        case
            when verified_local_at is not null then verification_days <= verification_target_days
            when is_open and data_date > verification_due_on then false
        end as is_verification_on_time,
        case
            when first_response_local_at is not null then first_response_days <= first_response_target_days
            when is_open and data_date > first_response_due_on then false
        end as is_first_response_on_time,
        case
            when status = 'Ditolak' then null
            when closed_local_at is not null then completion_days <= completion_target_days
            when is_open and data_date > completion_due_on then false
        end as is_completion_on_time,
        coalesce(is_open and data_date > completion_due_on, false) as is_overdue,
        is_time_order_broken,
        data_date
    from due
)

select * from final
