with source as (
    select
        landed.year,
        landed.month,
        landed.cutoff_on,
        landed.government_name,
        landed.revenue_idr,
        landed.expenditure_idr,
        landed.financing_idr,
        landed.surplus_idr
    from {{ source('raw', 'djpb__apbd') }} as landed
    where {{ is_current_row('djpb__apbd') }}
),

final as (
    select
        year::integer as year_no,
        make_date(year::integer, month::integer, 1) as month_on,
        cutoff_on,
        trim(government_name) as government_name,
        revenue_idr as revenue_cumulative_idr,
        expenditure_idr as expenditure_cumulative_idr,
        financing_idr as financing_cumulative_idr,
        surplus_idr as surplus_cumulative_idr
    from source
)

select * from final
