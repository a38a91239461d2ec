{{ config(materialized='table', indexes=[{'columns': ['level', 'name_key']}]) }}

with region as (
    select * from {{ ref('int_shared__region') }}
    where
        level in ('province', 'regency')
        or (level = 'kecamatan' and regency_code = '{{ home_region_code() }}')
),

spellings as (
    select
        region_code,
        level,
        1 as priority,
        {{ name_key('region_full_name') }} as name_key
    from region
    union all
    select
        region_code,
        level,
        1 as priority,
        case title when 'Kabupaten' then 'kab' when 'Provinsi' then 'prov' else 'kec' end
        || {{ name_key('bare_name') }} as name_key
    from region
    where title in ('Kabupaten', 'Provinsi', 'Kecamatan')
    union all
    -- BPS leaves the word Kabupaten out but never the word Kota: a bare name means the regency.
    select
        region_code,
        level,
        case when title = 'Kota' then 3 else 2 end as priority,
        {{ name_key('bare_name') }} as name_key
    from region
    union all
    select
        region.region_code,
        region.level,
        4 as priority,
        {{ name_key('alias.spelling') }} as name_key
    from region
    inner join {{ ref('region_alias') }} as alias on region.region_code = alias.region_code
),

ranked as (
    select
        spellings.*,
        rank() over (
            partition by
                case when spellings.level = 'kecamatan' then 'kecamatan' else 'government' end,
                spellings.name_key
            order by
                spellings.priority,
                (spellings.region_code like split_part('{{ home_region_code() }}', '.', 1) || '%') desc
        ) as rank_no
    from spellings
),

final as (
    select
        name_key,
        case when level = 'kecamatan' then 'kecamatan' else 'government' end as level,
        min(region_code) as region_code
    from ranked
    where rank_no = 1
    group by 1, 2
    -- A spelling that means two regions resolves to none.
    having count(distinct region_code) = 1
)

select * from final
