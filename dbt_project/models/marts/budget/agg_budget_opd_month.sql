{{ config(materialized='replace_slice', slice='month_on', changed='int_budget__changed_month') }}

with realisation as (
    select * from {{ ref('fct_budget_realisation_month') }}
    -- Group 5 is spending; revenue (4) and financing (6) are not absorbed.
    where is_version_in_force and account_code like '5%'
),

band as (
    select * from {{ ref('absorption_band') }}
),

summed as (
    select
        opd_code,
        month_on,
        min(opd_name) as opd_name,
        min(opd_short_name) as opd_short_name,
        min(version_code) as version_code,
        sum(budget_idr) as budget_idr,
        sum(realised_cumulative_idr) as realised_cumulative_idr,
        -- A sum that lacks an account would look like a small month.
        case when count(*) = count(realised_month_idr) then sum(realised_month_idr) end as realised_month_idr,
        sum(physical_pct * budget_idr)
        / nullif(sum(budget_idr) filter (where physical_pct is not null), 0) as physical_pct,
        max(data_date) as data_date
    from realisation
    group by opd_code, month_on
),

measured as (
    select
        summed.*,
        100 * summed.realised_cumulative_idr / nullif(summed.budget_idr, 0) as absorption_pct,
        band.lower_pct as band_lower_pct,
        band.upper_pct as band_upper_pct
    from summed
    left join band on extract(month from summed.month_on) = band.month
),

judged as (
    select
        *,
        {{ band_status('absorption_pct', 'band_lower_pct', 'band_upper_pct') }} as absorption_status
    from measured
),

final as (
    select
        opd_code,
        month_on,
        opd_name,
        opd_short_name,
        version_code,
        budget_idr,
        round(budget_idr / 1000000000, 3) as budget_miliar,
        realised_cumulative_idr,
        round(realised_cumulative_idr / 1000000000, 3) as realised_miliar,
        realised_month_idr,
        round(absorption_pct, 2) as absorption_pct,
        round(physical_pct, 2) as physical_pct,
        band_lower_pct,
        band_upper_pct,
        absorption_status,
        {{ status_label('absorption_status') }} as absorption_status_label,
        data_date
    from judged
)

select * from final
