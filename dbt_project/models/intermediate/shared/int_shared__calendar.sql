{{ config(materialized='table', indexes=[{'columns': ['date_on'], 'unique': true}, {'columns': ['working_day_no']}]) }}

with listed as (
    select
        date_on,
        holiday_name,
        revision,
        -- A new decree replaces the list of its year, so that a day it moved is no longer off.
        max(revision) over (partition by extract(year from date_on), region_code) as latest_revision
    from {{ ref('holiday') }}
    where
        region_code is null
        or region_code in ('{{ home_region_code() }}', split_part('{{ home_region_code() }}', '.', 1))
),

bounds as (
    -- One year more than the holidays that are known, because due dates reach into the next year.
    select
        date_trunc('year', min(date_on))::date as first_on,
        (date_trunc('year', max(date_on)) + interval '2 years - 1 day')::date as last_on
    from {{ ref('holiday') }}
),

holidays as (
    select
        date_on,
        string_agg(distinct holiday_name, ' / ') as holiday_name
    from listed
    where revision = latest_revision
    group by date_on
),

days as (
    select series.day_at::date as date_on
    from bounds
    cross join lateral generate_series(bounds.first_on, bounds.last_on, interval '1 day') as series (day_at)
),

classified as (
    select
        days.date_on,
        extract(isodow from days.date_on)::integer as weekday_no,
        extract(isodow from days.date_on) >= 6 as is_weekend,
        holidays.date_on is not null as is_holiday,
        holidays.holiday_name,
        ramadan.first_on is not null as is_ramadan
    from days
    left join holidays on days.date_on = holidays.date_on
    left join {{ ref('ramadan') }} as ramadan on days.date_on between ramadan.first_on and ramadan.last_on
),

final as (
    select
        date_on,
        weekday_no,
        is_weekend,
        is_holiday,
        holiday_name,
        is_ramadan,
        not is_weekend and not is_holiday as is_working_day,
        count(*) filter (where not is_weekend and not is_holiday) over (order by date_on)::integer as working_day_no
    from classified
)

select * from final
