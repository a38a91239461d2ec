{{ config(materialized='table', indexes=[{'columns': ['level', 'name_key']}]) }}

with region as (
    select * from {{ ref('int_shared__region') }}
    where
        level in ('province', 'regency')
        or (level = 'kecamatan' and regency_code = '{{ home_region_code() }}')
),

spellings as (
    select
        region.region_code,
        region.level,
        variant.priority,
        {{ name_key('variant.spelling') }} as name_key
    from region
    cross join lateral (
        values
        (region.region_full_name, 1),
        (
            case region.title
                when 'Kabupaten' then 'Kab ' || region.bare_name
                when 'Provinsi' then 'Prov ' || region.bare_name
                when 'Kecamatan' then 'Kec ' || region.bare_name
            end,
            1
        ),
        -- BPS leaves the word Kabupaten out but never the word Kota: a bare name means the regency.
        (region.bare_name, case when region.title = 'Kota' then 3 else 2 end)
    ) as variant (spelling, priority)
    where variant.spelling is not null
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
