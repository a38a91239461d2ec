with source as (
    select
        landed.indicator_code,
        landed.year,
        landed.area_name,
        landed.value,
        landed.publication,
        landed._row_no
    from {{ source('raw', 'bps__kemiskinan') }} as landed
    where {{ is_current_row('bps__kemiskinan') }}
),

final as (
    select
        indicator_code,
        year::integer as year_no,
        trim(area_name) as area_name,
        value,
        nullif(trim(publication), '') as publication,
        _row_no as row_no
    from source
)

select * from final
