{{ config(materialized='replace_slice', slice='received_month_on', changed='int_complaints__changed_month') }}

with event as (
    select * from {{ ref('int_complaints__event') }}
),

opd as (
    select * from {{ ref('dim_opd') }}
),

final as (
    select
        event.received_month_on,
        event.ticket_no,
        event.event_no,
        event.event_type,
        case event.event_type
            when 'received' then 'Diterima'
            when 'verified' then 'Diverifikasi'
            when 'handed_over' then 'Diteruskan'
            when 'answered' then 'Ditanggapi'
            when 'reopened' then 'Dibuka kembali'
            when 'closed' then 'Selesai'
            when 'rejected' then 'Ditolak'
        end as event_label,
        event.occurred_local_at at time zone '{{ region_time_zone() }}' as occurred_at,
        event.occurred_local_at::date as occurred_on,
        event.from_opd_code,
        from_opd.opd_short_name as from_opd_short_name,
        event.to_opd_code,
        to_opd.opd_short_name as to_opd_short_name,
        event.is_logged,
        max(event.occurred_local_at::date) over (partition by event.received_month_on) as data_date
    from event
    left join opd as from_opd on event.from_opd_code = from_opd.opd_code
    left join opd as to_opd on event.to_opd_code = to_opd.opd_code
)

select * from final
