{{ config(materialized='table') }}

with changed_month as (
    select * from {{ ref('int_complaints__changed_month') }}
),

-- The tickets to number, and those of the 90 days before their months. The reporter's key ends here.
ticket as (
    select
        complaint.ticket_no,
        complaint.received_at,
        coalesce(complaint.reporter_nik_key, complaint.reporter_phone_key) as reporter_key,
        {{ name_key('complaint.category') }} as category_key
    from {{ ref('stg_diskominfo__aduan') }} as complaint
    where
        complaint.category is not null
        and coalesce(complaint.reporter_nik_key, complaint.reporter_phone_key) is not null
        and exists (
            select 1
            from changed_month
            where
                complaint.received_at >= changed_month.slice_on - interval '90 days'
                and complaint.received_at < changed_month.slice_on + interval '1 month'
        )
),

numbered as (
    select
        ticket_no,
        date_trunc('month', received_at)::date as received_month_on,
        count(*)
            over (
                partition by reporter_key, category_key, received_at::date
                order by received_at, ticket_no
                rows between unbounded preceding and 1 preceding
            )
        + count(*)
            over (
                partition by reporter_key, category_key
                order by received_at::date
                range between interval '90 days' preceding and interval '1 day' preceding
            )
        + 1 as repeat_no
    from ticket
),

final as (
    select
        numbered.ticket_no,
        numbered.repeat_no
    from numbered
    inner join changed_month on numbered.received_month_on = changed_month.slice_on
)

select * from final
