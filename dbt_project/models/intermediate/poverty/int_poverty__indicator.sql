with indicator as (
    select
        area_name,
        indicator_code,
        year as year_no,
        value,
        publication
    from {{ ref('stg_bps__kemiskinan') }}
),

region as (
    select
        spelling.name_key,
        region.region_code,
        region.region_name,
        region.level,
        region.is_home_region
    from {{ ref('int_shared__region_spelling') }} as spelling
    inner join {{ ref('int_shared__region') }} as region on spelling.region_code = region.region_code
    where spelling.level = 'government'
),

final as (
    -- Two spellings of one region in one table: one of them counts, always the same.
    select distinct on (
        coalesce(region.region_code, 'unknown:' || {{ name_key('indicator.area_name') }}),
        indicator.indicator_code,
        indicator.year_no
    )
        coalesce(region.region_code, 'unknown:' || {{ name_key('indicator.area_name') }}) as region_code,
        indicator.indicator_code,
        indicator.year_no,
        coalesce(region.region_name, indicator.area_name) as region_name,
        coalesce(region.level, 'unknown') as region_level,
        coalesce(region.is_home_region, false) as is_home_region,
        indicator.value,
        indicator.publication
    from indicator
    left join region on {{ name_key('indicator.area_name') }} = region.name_key
    order by
        coalesce(region.region_code, 'unknown:' || {{ name_key('indicator.area_name') }}) asc,
        indicator.indicator_code asc,
        indicator.year_no asc,
        indicator.area_name asc
)

select * from final
