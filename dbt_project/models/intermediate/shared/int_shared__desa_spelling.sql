{{ config(materialized='table', indexes=[{'columns': ['kecamatan_code', 'name_key'], 'unique': true}]) }}

with desa as (
    select
        region_code,
        kecamatan_code,
        title,
        {{ name_key('bare_name') }} as bare_key
    from {{ ref('int_shared__region') }}
    where level = 'desa'
),

spelling as (
    select
        desa.region_code,
        desa.kecamatan_code,
        1 as priority,
        prefix.word || desa.bare_key as name_key
    from desa
    inner join
        (values ('Desa', 'desa'), ('Desa', 'ds'), ('Kelurahan', 'kelurahan'), ('Kelurahan', 'kel'))
            as prefix (title, word)
        on desa.title = prefix.title
    union all
    select
        region_code,
        kecamatan_code,
        2 as priority,
        bare_key as name_key
    from desa
    union all
    select
        desa.region_code,
        desa.kecamatan_code,
        3 as priority,
        {{ name_key('alias.spelling') }} as name_key
    from desa
    inner join {{ ref('region_alias') }} as alias on desa.region_code = alias.region_code
    union all
    -- Clerks call every kelurahan desa, and a desa kelurahan.
    select
        desa.region_code,
        desa.kecamatan_code,
        4 as priority,
        prefix.word || desa.bare_key as name_key
    from desa
    cross join (values ('desa'), ('ds'), ('kelurahan'), ('kel')) as prefix (word)
),

ranked as (
    select
        *,
        rank() over (partition by kecamatan_code, name_key order by priority) as rank_no
    from spelling
),

final as (
    select
        kecamatan_code,
        name_key,
        min(region_code) as desa_code
    from ranked
    where rank_no = 1
    group by kecamatan_code, name_key
    -- A spelling that means two desa of one kecamatan resolves to none.
    having count(distinct region_code) = 1
)

select * from final
