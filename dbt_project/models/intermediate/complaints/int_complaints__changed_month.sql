{{ config(materialized='table') }}

-- What only the second branch reads, which dbt does not see when it parses:
-- depends_on: {{ ref('stg_diskominfo__aduan__landed') }}
-- depends_on: {{ ref('stg_diskominfo__aduan_riwayat__landed') }}
-- depends_on: {{ ref('int_complaints__as_of') }}
-- depends_on: {{ ref('int_shared__calendar') }}

{% if is_full_rebuild() -%}
    with final as (
        select distinct date_trunc('month', received_at)::date as slice_on from {{ ref('stg_diskominfo__aduan') }}
    )
{%- else -%}
    with registered as (
        -- Load by load, so that each is found by the index of its number.
        select distinct landed.ticket_no
        from {{ changed_loads('diskominfo__aduan') }} as changed
        cross join lateral (
            select distinct line.ticket_no
            from {{ ref('stg_diskominfo__aduan__landed') }} as line
            where line.load_id = changed.load_id
        ) as landed
    ),

    logged as (
        select distinct landed.ticket_no
        from {{ changed_loads('diskominfo__aduan_riwayat') }} as changed
        cross join lateral (
            select distinct line.ticket_no
            from {{ ref('stg_diskominfo__aduan_riwayat__landed') }} as line
            where line.load_id = changed.load_id
        ) as landed
    ),

    published as (
        select * from {{ published('fct_complaint') }}
    ),

    -- Where a ticket stands now, and where it stood when the marts were last published.
    place as (
        select
            ticket_no,
            date_trunc('month', received_at)::date as month_on
        from {{ ref('stg_diskominfo__aduan') }}
        union
        select
            ticket_no,
            received_month_on as month_on
        from published
    ),

    -- A ticket that comes, goes or changes makes others up to 90 days later a repeat, or no longer one.
    registered_month as (
        select distinct series.month_at::date as slice_on
        from place
        inner join registered on place.ticket_no = registered.ticket_no
        cross join lateral generate_series(
            place.month_on,
            date_trunc('month', place.month_on + interval '1 month' - interval '1 day' + interval '90 days'),
            interval '1 month'
        ) as series (month_at)
    ),

    logged_month as (
        select distinct place.month_on as slice_on
        from place
        inner join logged on place.ticket_no = logged.ticket_no
    ),

    as_of as (
        select
            as_of.data_date as as_of_on,
            calendar.working_day_no as as_of_no
        from {{ ref('int_complaints__as_of') }} as as_of
        left join {{ ref('int_shared__calendar') }} as calendar on as_of.data_date = calendar.date_on
    ),

    -- Open complaints that are judged otherwise as of today than they were: just late, no longer late, grown older.
    judged as (
        select distinct published.received_month_on as slice_on
        from published
        cross join as_of
        left join {{ ref('int_shared__calendar') }} as received_day on published.received_on = received_day.date_on
        where
            published.is_open
            and (
                published.is_overdue is distinct from coalesce(as_of.as_of_on > published.completion_due_on, false)
                or published.is_silent_close_due
                is distinct from coalesce(as_of.as_of_on > published.silent_close_due_on, false)
                or (
                    published.verified_at is null
                    and (published.is_verification_on_time is not null)
                    is distinct from coalesce(as_of.as_of_on > published.verification_due_on, false)
                )
                or (
                    published.first_response_at is null
                    and (published.is_first_response_on_time is not null)
                    is distinct from coalesce(as_of.as_of_on > published.first_response_due_on, false)
                )
                or published.age_bucket_no is distinct from
                {{ complaint_age_bucket('as_of.as_of_no - received_day.working_day_no') }}
            )
    ),

    final as (
        select slice_on from registered_month
        union
        select slice_on from logged_month
        union
        select slice_on from judged
    )
{%- endif %}

select slice_on from final
