with budget as (
    select
        government_name,
        year as year_no,
        make_date(year, month, 1) as month_on,
        cutoff_on,
        revenue_idr as revenue_cumulative_idr,
        expenditure_idr as expenditure_cumulative_idr,
        financing_idr as financing_cumulative_idr,
        surplus_idr as surplus_cumulative_idr
    from {{ ref('stg_djpb__apbd') }}
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

as_of as (
    select data_date from {{ ref('int_shared__source_as_of') }}
    where source_id = 'djpb__apbd'
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
        as_of.data_date
    from monthly
    left join region on {{ name_key('monthly.government_name') }} = region.name_key
    cross join as_of
)

select * from final
