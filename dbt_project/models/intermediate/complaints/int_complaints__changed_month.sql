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

    touched as (
        select
            ticket_no,
            bool_or(is_registered) as is_registered
        from (
            select
                ticket_no,
                true as is_registered
            from registered
            union all
            select
                ticket_no,
                false as is_registered
            from logged
        ) as changed
        group by ticket_no
    ),

    -- Every month in which a ticket ever stood: the one where it stands now and the published one are among them.
    place as (
        select
            ticket_no,
            to_date(slice_key, 'YYYY-MM') as month_on
        from {{ ref('stg_diskominfo__aduan__landed') }}
        union all
        select
            ticket_no,
            received_month_on as month_on
        from published
    ),

    touched_month as (
        select
            place.month_on,
            bool_or(touched.is_registered) as is_registered
        from place
        inner join touched on place.ticket_no = touched.ticket_no
        group by place.month_on
    ),

    -- A ticket that comes, goes or changes makes others up to 90 days later a repeat, or no longer one.
    repeat_month as (
        select series.month_at::date as month_on
        from touched_month
        cross join
            lateral generate_series(
                touched_month.month_on,
                date_trunc('month', touched_month.month_on + interval '1 month 90 days' - interval '1 day'),
                interval '1 month'
            ) as series (month_at)
        where touched_month.is_registered
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
        select month_on as slice_on from touched_month
        union
        select month_on as slice_on from repeat_month
        union
        select slice_on from judged
    )
{%- endif %}

select slice_on from final
