with schedule as (
    select * from {{ ref('int_attendance__schedule') }}
    where is_changed
),

device_day as (
    select distinct
        device_no,
        punched_on
    from {{ ref('int_attendance__punch') }}
),

reported as (
    select distinct
        employee.employee_key,
        device_day.punched_on as work_on
    from device_day
    inner join {{ ref('int_attendance__employee') }} as employee
        on
            device_day.device_no = employee.device_no
            and device_day.punched_on between employee.valid_from and employee.valid_to
),

punched as (
    select
        schedule.employee_key,
        schedule.work_on,
        count(*) as punch_count,
        -- A punch far from the hours of the day is counted, but says nothing about them.
        bool_or(punch.is_within_window) as was_seen,
        -- Terminals do not know in from out reliably: the middle of the shift tells them apart.
        min(punch.punched_local_at) filter (
            where
            punch.is_within_window
            and punch.punched_local_at <= schedule.starts_at + (schedule.ends_at - schedule.starts_at) / 2
        ) as first_in_local_at,
        max(punch.punched_local_at) filter (
            where
            punch.is_within_window
            and punch.punched_local_at > schedule.starts_at + (schedule.ends_at - schedule.starts_at) / 2
        ) as last_out_local_at
    from schedule
    inner join {{ ref('int_attendance__shift_punch') }} as punch
        on schedule.employee_key = punch.employee_key and schedule.work_on = punch.work_on
    group by schedule.employee_key, schedule.work_on
),

day as (
    select
        schedule.*,
        coalesce(punched.punch_count, 0) as punch_count,
        coalesce(punched.was_seen, false) as was_seen,
        punched.first_in_local_at,
        punched.last_out_local_at,
        -- A terminal that sent nothing says nothing about anybody.
        schedule.starts_at is not null
        and (reported.employee_key is not null or coalesce(punched.was_seen, false)) as is_expected
    from schedule
    left join reported
        on schedule.employee_key = reported.employee_key and schedule.work_on = reported.work_on
    left join punched
        on schedule.employee_key = punched.employee_key and schedule.work_on = punched.work_on
),

settled as (
    select
        day.*,
        case when day.is_expected then leave.leave_code end as leave_code,
        case when day.is_expected then leave.leave_name end as leave_name,
        leave.start_on as leave_start_on,
        leave.end_on as leave_end_on,
        case
            when not day.is_expected then 'off_day'
            when leave.leave_code is not null then leave.status_code
            when not day.was_seen then 'absent'
            else 'judged'
        end as verdict
    from day
    left join {{ ref('int_attendance__leave') }} as leave
        on day.employee_key = leave.employee_key and day.work_on = leave.work_on
    where day.is_expected or day.punch_count > 0
),

delayed as (
    select
        *,
        case
            when verdict = 'judged'
                then greatest(0, floor(extract(epoch from first_in_local_at - starts_at) / 60))::integer
        end as delay_minutes
    from settled
),

flexible as (
    select
        *,
        case when verdict = 'judged' then coalesce(least(delay_minutes, flex_minutes), 0) end as flex_used_minutes
    from delayed
),

final as (
    select
        employee_key,
        work_on,
        opd_code,
        opd_name,
        opd_short_name,
        shift_code,
        shift_name,
        starts_at as starts_local_at,
        ends_at as ends_local_at,
        first_in_local_at,
        last_out_local_at,
        punch_count,
        flex_used_minutes,
        case when first_in_local_at is not null then delay_minutes - flex_used_minutes end as late_minutes,
        case
            when verdict = 'judged' and last_out_local_at is not null
                then greatest(
                    0,
                    floor(extract(epoch from ends_at - last_out_local_at) / 60) + flex_used_minutes
                )::integer
        end as early_leave_minutes,
        leave_code,
        leave_name,
        leave_start_on,
        leave_end_on,
        verdict
    from flexible
)

select * from final
