{{ config(materialized='replace_slice') }}

with complaint as (
    select * from {{ ref('fct_complaint') }}
),

attendance as (
    select * from {{ ref('agg_attendance_opd_month') }}
),

budget as (
    select * from {{ ref('agg_budget_opd_month') }}
),

poverty as (
    select * from {{ ref('fct_poverty_indicator') }}
),

source_delivery as (
    select * from {{ ref('agg_source_delivery') }}
),

-- As of which the published complaints were judged: what both the register and the log cover.
complaint_as_of as (
    select min(data_date) as data_date from {{ ref('stg_ops__published_source') }}
    where domain = 'complaints' and source_id in ('diskominfo__aduan', 'diskominfo__aduan_riwayat')
),

-- Counted in the month in which the deadline fell, so that nothing improves by never being closed.
completion as (
    select
        'complaint_completion_on_time_pct' as kpi_code,
        date_trunc('month', complaint.completion_due_on)::date as period_on,
        100.0 * count(*) filter (where complaint.is_completion_on_time)
        / nullif(count(complaint.is_completion_on_time), 0) as value
    from complaint
    inner join complaint_as_of on complaint.completion_due_on <= complaint_as_of.data_date
    group by date_trunc('month', complaint.completion_due_on)
),

first_response as (
    select
        'complaint_first_response_on_time_pct' as kpi_code,
        date_trunc('month', complaint.first_response_due_on)::date as period_on,
        100.0 * count(*) filter (where complaint.is_first_response_on_time)
        / nullif(count(complaint.is_first_response_on_time), 0) as value
    from complaint
    inner join complaint_as_of on complaint.first_response_due_on <= complaint_as_of.data_date
    group by date_trunc('month', complaint.first_response_due_on)
),

presence as (
    select
        'attendance_pct' as kpi_code,
        month_on as period_on,
        100.0 * (sum(present_day_count) + sum(field_duty_day_count))
        / nullif(sum(employee_day_count) - sum(leave_day_count), 0) as value
    from attendance
    group by month_on
),

absorption as (
    select
        'absorption_pct' as kpi_code,
        month_on as period_on,
        100 * sum(realised_cumulative_idr) / nullif(sum(budget_idr), 0) as value
    from budget
    group by month_on
),

absorption_band as (
    select
        'absorption_pct' as kpi_code,
        month_on as period_on,
        min(band_lower_pct) as period_lower_target,
        min(band_upper_pct) as period_target
    from budget
    group by month_on
),

poor_share as (
    select
        'poverty_p0' as kpi_code,
        make_date(year_no, 3, 1) as period_on,
        value
    from poverty
    where indicator_code = 'p0' and is_home_region
),

last_delivery as (
    select max(last_received_at at time zone '{{ region_time_zone() }}')::date as received_on
    from source_delivery
),

-- As of the day on which the last file came in; a source that never delivered is behind.
punctuality as (
    select
        'delivery_punctuality' as kpi_code,
        date_trunc('month', last_delivery.received_on)::date as period_on,
        100.0 * count(*) filter (where source_delivery.due_on >= last_delivery.received_on)
        / nullif(count(*), 0) as value
    from source_delivery
    cross join last_delivery
    where last_delivery.received_on is not null
    group by last_delivery.received_on
),

collected as (
    select * from completion
    union all
    select * from first_response
    union all
    select * from presence
    union all
    select * from absorption
    union all
    select * from poor_share
    union all
    select * from punctuality
),

final as (
    select
        collected.kpi_code,
        collected.period_on,
        round(collected.value, 2) as value,
        absorption_band.period_lower_target,
        absorption_band.period_target,
        '%' as unit
    from collected
    left join absorption_band
        on
            collected.kpi_code = absorption_band.kpi_code
            and collected.period_on = absorption_band.period_on
)

select * from final
