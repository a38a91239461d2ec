{{ config(materialized='table', indexes=[{'columns': ['name_key'], 'unique': true}]) }}

with opd as (
    select * from {{ ref('stg_reference__opd') }}
),

home as (
    select
        {{ name_key('region_full_name') }} as full_key,
        {{ name_key('bare_name') }} as bare_key
    from {{ ref('int_shared__region') }}
    where is_home_region
),

named as (
    select
        opd_code,
        1 as priority,
        {{ name_key('opd_name') }} as name_key
    from opd
    union all
    select
        opd_code,
        2 as priority,
        {{ name_key('opd_short_name') }} as name_key
    from opd
    union all
    select
        opd.opd_code,
        3 as priority,
        {{ name_key('alias.spelling') }} as name_key
    from opd
    cross join lateral unnest(opd.aliases) as alias (spelling)
),

shortened as (
    select * from named
    union all
    select
        opd_code,
        4 as priority,
        regexp_replace(name_key, '^kecamatan', 'kec') as name_key
    from named
    where name_key like 'kecamatan%'
    union all
    select
        opd_code,
        4 as priority,
        'kantor' || name_key as name_key
    from named
    where name_key like 'kecamatan%'
),

-- Clerks often add the government's own name: "Dinas Kesehatan Kab. Tuban".
with_home_name as (
    select * from shortened
    union all
    select
        shortened.opd_code,
        5 as priority,
        shortened.name_key || suffix.name_key as name_key
    from shortened
    cross join home
    cross join lateral (values (home.full_key), ('kab' || home.bare_key)) as suffix (name_key)
),

ranked as (
    select
        *,
        rank() over (partition by name_key order by priority) as rank_no
    from with_home_name
    where name_key <> ''
),

final as (
    select
        name_key,
        min(opd_code) as opd_code
    from ranked
    where rank_no = 1
    group by name_key
    -- A spelling that means two agencies resolves to none: better unknown than wrong.
    having count(distinct opd_code) = 1
)

select * from final
