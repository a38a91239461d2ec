{{ config(materialized='table', indexes=[{'columns': ['ticket_no']}]) }}

with complaint as (
    select * from {{ ref('int_complaints__complaint') }}
),

opd as (
    select * from {{ ref('int_shared__opd_name') }}
),

action as (
    select
        event_type,
        {{ name_key('action') }} as name_key
    from {{ ref('complaint_action') }}
    where event_type <> 'ignored'
),

logged as (
    select
        complaint.received_month_on,
        complaint.ticket_no,
        complaint.received_local_at,
        log.log_no,
        action.event_type,
        log.logged_at as occurred_local_at,
        log.institution_from,
        log.institution_to
    from {{ ref('stg_diskominfo__aduan_riwayat') }} as log
    inner join complaint on log.ticket_no = complaint.ticket_no
    inner join action on {{ name_key('log.action') }} = action.name_key
),

-- Times that the register itself states, for the steps that the log does not know.
stated as (
    select
        complaint.received_month_on,
        complaint.ticket_no,
        complaint.received_local_at,
        null::integer as log_no,
        step.event_type,
        step.occurred_local_at,
        null::text as institution_from,
        null::text as institution_to
    from complaint
    cross join
        lateral (
            values
            ('received', complaint.received_local_at),
            ('verified', complaint.verified_local_at),
            ('answered', complaint.first_response_local_at),
            (case when complaint.status = 'Ditolak' then 'rejected' else 'closed' end, complaint.closed_local_at)
        ) as step (event_type, occurred_local_at)
    where
        step.occurred_local_at is not null
        and not exists (
            select 1
            from logged
            where logged.ticket_no = complaint.ticket_no and logged.event_type = step.event_type
        )
),

event as (
    select * from logged
    union all
    select * from stated
),

final as (
    select
        event.received_month_on,
        event.ticket_no,
        row_number() over (
            partition by event.ticket_no
            order by
                event.occurred_local_at,
                array_position(
                    array['received', 'verified', 'handed_over', 'answered', 'closed', 'rejected', 'reopened'],
                    event.event_type
                ),
                event.log_no
        )::integer as event_no,
        event.event_type,
        event.occurred_local_at,
        case
            when event.institution_from is not null then coalesce(from_opd.opd_code, 'unknown')
        end as from_opd_code,
        case
            when event.institution_to is not null then coalesce(to_opd.opd_code, 'unknown')
        end as to_opd_code,
        event.log_no is not null as is_logged
    from event
    left join opd as from_opd
        on
            {{ name_key('event.institution_from') }} = from_opd.name_key
            and event.received_local_at::date between from_opd.valid_from and from_opd.valid_to
    left join opd as to_opd
        on
            {{ name_key('event.institution_to') }} = to_opd.name_key
            and event.received_local_at::date between to_opd.valid_from and to_opd.valid_to
)

select * from final
