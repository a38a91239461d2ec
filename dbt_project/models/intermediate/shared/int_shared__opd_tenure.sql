with recursive opd as (
    select * from {{ ref('stg_reference__opd') }}
),

takeover as (
    select
        opd.opd_code,
        successor.opd_code as successor_code
    from opd
    cross join lateral unnest(opd.successors) as successor (opd_code)
),

-- Days only run onwards from the end of an agency, so even a circle of successors ends.
onwards as (
    select
        opd_code as named_opd_code,
        opd_code,
        valid_from,
        valid_to,
        0 as step_no
    from opd
    union all
    select
        onwards.named_opd_code,
        opd.opd_code,
        greatest(opd.valid_from, onwards.valid_to + 1) as valid_from,
        opd.valid_to,
        onwards.step_no + 1 as step_no
    from onwards
    inner join takeover on onwards.opd_code = takeover.opd_code
    inner join opd on takeover.successor_code = opd.opd_code
    where opd.valid_to > onwards.valid_to
),

backwards as (
    select
        opd_code as named_opd_code,
        opd_code,
        valid_from,
        valid_to,
        0 as step_no
    from opd
    union all
    select
        backwards.named_opd_code,
        opd.opd_code,
        opd.valid_from,
        least(opd.valid_to, backwards.valid_from - 1) as valid_to,
        backwards.step_no - 1 as step_no
    from backwards
    inner join takeover on backwards.opd_code = takeover.successor_code
    inner join opd on takeover.opd_code = opd.opd_code
    where opd.valid_from < backwards.valid_from
),

final as (
    select * from onwards
    union all
    select * from backwards
    where step_no < 0
)

select * from final
