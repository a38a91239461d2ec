{{ config(materialized='replace_slice', slice='month_on', changed='int_budget__changed_month') }}

with changed as (
    select * from {{ ref('int_budget__changed_month') }}
),

-- Whole years: a month is compared with the one before, and an account with the agency's first report.
realisation as (
    select realisation.*
    from {{ ref('int_budget__realisation') }} as realisation
    inner join changed on realisation.month_on = changed.slice_on
),

versioned as (
    select
        *,
        version_no = max(version_no) over (partition by opd_code, month_on) as is_version_in_force,
        month_on = min(month_on) over (partition by opd_code, account_code, year_no) as is_first_report
    from realisation
),

report as (
    select distinct
        opd_code,
        month_on
    from realisation
),

-- When the version changes, the month before is that of the version then in force. An account that begins
-- while its agency reports counts from zero; one that was there before and skipped a month cannot be split.
compared as (
    select
        versioned.*,
        case
            when extract(month from versioned.month_on) = 1 then 0
            when versioned.is_first_report and previous_report.opd_code is not null then 0
            else coalesce(same_version.realised_cumulative_idr, in_force.realised_cumulative_idr)
        end as previous_cumulative_idr
    from versioned
    left join report as previous_report
        on
            versioned.opd_code = previous_report.opd_code
            and versioned.month_on = previous_report.month_on + interval '1 month'
    left join versioned as same_version
        on
            versioned.opd_code = same_version.opd_code
            and versioned.account_code = same_version.account_code
            and versioned.version_code = same_version.version_code
            and versioned.month_on = same_version.month_on + interval '1 month'
    left join versioned as in_force
        on
            versioned.opd_code = in_force.opd_code
            and versioned.account_code = in_force.account_code
            and in_force.is_version_in_force
            and versioned.month_on = in_force.month_on + interval '1 month'
),

final as (
    select
        compared.opd_code,
        compared.account_code,
        compared.version_code,
        compared.month_on,
        compared.opd_name,
        compared.opd_short_name,
        compared.account_name,
        compared.year_no,
        compared.is_version_in_force,
        compared.budget_idr,
        compared.realised_cumulative_idr,
        compared.realised_cumulative_idr - compared.previous_cumulative_idr as realised_month_idr,
        round(compared.physical_pct, 2) as physical_pct,
        coalesce(compared.realised_cumulative_idr < compared.previous_cumulative_idr, false) as is_cumulative_falling,
        (compared.month_on + interval '1 month - 1 day')::date as data_date
    from compared
)

select * from final
