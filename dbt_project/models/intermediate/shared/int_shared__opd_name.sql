{{ config(materialized='table', indexes=[{'columns': ['name_key', 'valid_from'], 'unique': true}]) }}

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
    union all
    -- Clerks go on writing a name that the agency bore once.
    select
        version.opd_code,
        3 as priority,
        {{ name_key('spelling.opd_name') }} as name_key
    from {{ ref('stg_reference__opd_version') }} as version
    cross join lateral (values (version.opd_name), (version.opd_short_name)) as spelling (opd_name)
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

claim as (
    select
        spelling.name_key,
        tenure.opd_code,
        tenure.valid_from,
        tenure.valid_to,
        -- The agency that bears the name itself goes before one that took over, or came before, another.
        (tenure.step_no <> 0)::integer * 10 + spelling.priority as priority
    from with_home_name as spelling
    inner join {{ ref('int_shared__opd_tenure') }} as tenure on spelling.opd_code = tenure.named_opd_code
    where spelling.name_key <> ''
),

boundary as (
    select
        name_key,
        valid_from as start_on
    from claim
    union
    select
        name_key,
        valid_to + 1 as start_on
    from claim
    where valid_to < 'infinity'
),

stretch as (
    select
        name_key,
        start_on,
        coalesce(lead(start_on) over (partition by name_key order by start_on) - 1, 'infinity') as end_on
    from boundary
),

ranked as (
    select
        stretch.name_key,
        stretch.start_on,
        stretch.end_on,
        claim.opd_code,
        rank() over (partition by stretch.name_key, stretch.start_on order by claim.priority) as rank_no
    from stretch
    inner join claim
        on
            stretch.name_key = claim.name_key
            and stretch.start_on between claim.valid_from and claim.valid_to
),

resolved as (
    select
        name_key,
        start_on,
        end_on,
        min(opd_code) as opd_code
    from ranked
    where rank_no = 1
    group by name_key, start_on, end_on
    -- A spelling that means two agencies resolves to none: better unknown than wrong.
    having count(distinct opd_code) = 1
),

marked as (
    select
        *,
        coalesce(lag(end_on) over (partition by name_key, opd_code order by start_on) + 1 <> start_on, true)
            as is_beginning
    from resolved
),

numbered as (
    select
        *,
        count(*) filter (where is_beginning) over (partition by name_key, opd_code order by start_on) as stay_no
    from marked
),

joined as (
    select
        name_key,
        opd_code,
        min(start_on) as valid_from,
        max(end_on) as valid_to
    from numbered
    group by name_key, opd_code, stay_no
),

final as (
    select
        joined.name_key,
        joined.valid_from,
        joined.valid_to,
        joined.opd_code,
        opd.opd_name,
        opd.opd_short_name
    from joined
    inner join opd on joined.opd_code = opd.opd_code
)

select * from final
