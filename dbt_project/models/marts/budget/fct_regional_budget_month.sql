{{ config(materialized='replace_slice', slice='month_on', changed='int_budget__changed_month') }}

with changed as (
    select * from {{ ref('int_budget__changed_month') }}
),

budget as (
    select
        delivered.government_name,
        delivered.year as year_no,
        changed.slice_on as month_on,
        delivered.cutoff_on,
        delivered.revenue_idr as revenue_cumulative_idr,
        delivered.expenditure_idr as expenditure_cumulative_idr,
        delivered.financing_idr as financing_cumulative_idr,
        delivered.surplus_idr as surplus_cumulative_idr
    from {{ ref('stg_djpb__apbd') }} as delivered
    inner join changed on make_date(delivered.year, delivered.month, 1) = changed.slice_on
),

region as (
    select
        spelling.name_key,
        region.region_code,
        region.is_home_region
    from {{ ref('int_shared__region_spelling') }} as spelling
    inner join {{ ref('int_shared__region') }} as region on spelling.region_code = region.region_code
    where spelling.level = 'government'
),

-- January's cumulative figure is the month itself; any other month needs the one before.
monthly as (
    select
        budget.*,
        extract(month from budget.month_on) = 1 as is_first_month,
        previous.revenue_cumulative_idr as previous_revenue_idr,
        previous.expenditure_cumulative_idr as previous_expenditure_idr,
        previous.financing_cumulative_idr as previous_financing_idr
    from budget
    left join budget as previous
        on
            budget.government_name = previous.government_name
            and budget.month_on = previous.month_on + interval '1 month'
),

final as (
    select
        monthly.government_name,
        monthly.month_on,
        region.region_code,
        coalesce(region.is_home_region, false) as is_home_region,
        monthly.year_no,
        monthly.cutoff_on,
        monthly.revenue_cumulative_idr,
        monthly.expenditure_cumulative_idr,
        monthly.financing_cumulative_idr,
        monthly.surplus_cumulative_idr,
        monthly.revenue_cumulative_idr
        - case when monthly.is_first_month then 0 else monthly.previous_revenue_idr end as revenue_month_idr,
        monthly.expenditure_cumulative_idr
        - case when monthly.is_first_month then 0 else monthly.previous_expenditure_idr end as expenditure_month_idr,
        monthly.financing_cumulative_idr
        - case when monthly.is_first_month then 0 else monthly.previous_financing_idr end as financing_month_idr,
        least(monthly.cutoff_on, (monthly.month_on + interval '1 month - 1 day')::date) as data_date
    from monthly
    left join region on {{ name_key('monthly.government_name') }} = region.name_key
)

select * from final
