with punch as (
    select
        employee_key,
        punched_on,
        punched_local_at
    from {{ ref('int_attendance__punch') }}
    where employee_key is not null
),

schedule as (
    select
        employee_key,
        work_on,
        starts_at,
        ends_at
    from {{ ref('int_attendance__schedule') }}
    where starts_at is not null
),

-- Four hours before a shift until six after it a punch may be its own.
measured as (
    select
        punch.employee_key,
        punch.punched_on,
        punch.punched_local_at,
        least(
            abs(extract(epoch from punch.punched_local_at - own.starts_at)),
            abs(extract(epoch from punch.punched_local_at - own.ends_at))
        ) as own_distance,
        least(
            abs(extract(epoch from punch.punched_local_at - former.starts_at)),
            abs(extract(epoch from punch.punched_local_at - former.ends_at))
        ) as former_distance
    from punch
    left join schedule as own
        on
            punch.employee_key = own.employee_key
            and punch.punched_on = own.work_on
            and punch.punched_local_at between own.starts_at - interval '4 hours' and own.ends_at + interval '6 hours'
    left join schedule as former
        on
            punch.employee_key = former.employee_key
            and punch.punched_on - 1 = former.work_on
            and punch.punched_local_at
            between former.starts_at - interval '4 hours' and former.ends_at + interval '6 hours'
),

final as (
    select
        employee_key,
        punched_local_at,
        case
            when former_distance <= coalesce(own_distance, former_distance) then punched_on - 1
            else punched_on
        end as work_on
    from measured
)

select * from final
