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
final as (
    select
        punch.employee_key,
        punch.punched_local_at,
        own.employee_key is not null or former.employee_key is not null as is_within_window,
        case
            when former.employee_key is null then punch.punched_on
            when own.employee_key is null then former.work_on
            when
                least(
                    greatest(punch.punched_local_at - former.ends_at, former.ends_at - punch.punched_local_at),
                    greatest(punch.punched_local_at - former.starts_at, former.starts_at - punch.punched_local_at)
                )
                <= least(
                    greatest(punch.punched_local_at - own.starts_at, own.starts_at - punch.punched_local_at),
                    greatest(punch.punched_local_at - own.ends_at, own.ends_at - punch.punched_local_at)
                )
                then former.work_on
            else punch.punched_on
        end as work_on
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
)

select * from final
