with expected_day as (
    select * from {{ ref('int_attendance__expected_day') }}
),

punch as (
    select * from {{ ref('int_attendance__punch') }}
    where employee_key is not null
),

calendar as (
    select * from {{ ref('int_shared__calendar') }}
),

rule as (
    select
        class,
        minutes_from,
        minutes_to,
        deduction_pct,
        start_time,
        end_time,
        friday_end_time,
        valid_from,
        coalesce(valid_to, 'infinity'::date) as valid_to
    from {{ ref('attendance_rule') }}
    where rule_set = '{{ var("attendance_rule_set") }}'
),

hours as (
    select distinct
        valid_from,
        valid_to,
        start_time,
        end_time,
        friday_end_time
    from rule
),

as_of as (
    select data_date from {{ ref('int_shared__source_as_of') }}
    where source_id = 'bkpsdm__absensi_mesin'
),

scheduled as (
    select
        expected_day.*,
        calendar.is_working_day,
        expected_day.work_on + hours.start_time as starts_at,
        expected_day.work_on
        + case when calendar.weekday_no = 5 then coalesce(hours.friday_end_time, hours.end_time) else hours.end_time end
            as ends_at
    from expected_day
    inner join calendar on expected_day.work_on = calendar.date_on
    left join hours on expected_day.work_on between hours.valid_from and hours.valid_to
),

punched as (
    select
        scheduled.employee_key,
        scheduled.work_on,
        count(punch.punched_local_at) as punch_count,
        -- Terminals do not know in from out reliably: the middle of the working day tells them apart.
        min(punch.punched_local_at) filter (
            where punch.punched_local_at <= scheduled.starts_at + (scheduled.ends_at - scheduled.starts_at) / 2
        ) as first_in_local_at,
        max(punch.punched_local_at) filter (
            where punch.punched_local_at > scheduled.starts_at + (scheduled.ends_at - scheduled.starts_at) / 2
        ) as last_out_local_at
    from scheduled
    left join punch
        on scheduled.employee_key = punch.employee_key and scheduled.work_on = punch.punched_on
    group by scheduled.employee_key, scheduled.work_on
),

measured as (
    select
        scheduled.*,
        punched.punch_count,
        punched.first_in_local_at,
        punched.last_out_local_at,
        scheduled.is_working_day and punched.punch_count > 0 as is_judged,
        case
            when scheduled.is_working_day and punched.first_in_local_at is not null
                then greatest(0, floor(extract(epoch from punched.first_in_local_at - scheduled.starts_at) / 60))
        end::integer as late_minutes,
        case
            when scheduled.is_working_day and punched.last_out_local_at is not null
                then greatest(0, floor(extract(epoch from scheduled.ends_at - punched.last_out_local_at) / 60))
        end::integer as early_leave_minutes
    from scheduled
    inner join punched
        on scheduled.employee_key = punched.employee_key and scheduled.work_on = punched.work_on
    where scheduled.is_working_day or punched.punch_count > 0
),

classified as (
    select
        measured.*,
        late_rule.class as late_class,
        early_rule.class as early_leave_class,
        case
            when not measured.is_working_day then 'off_day'
            when measured.punch_count = 0 then 'absent'
            when late_rule.class <> 'TL0' then 'late'
            else 'present'
        end as status_code,
        case
            when not measured.is_working_day then 0
            when measured.punch_count = 0 then absence_rule.deduction_pct
            else late_rule.deduction_pct + early_rule.deduction_pct
        end as deduction_pct
    from measured
    -- Without a scan the longest delay counts, which is the class that has no upper end.
    left join rule as late_rule
        on
            measured.is_judged
            and late_rule.class like 'TL%'
            and measured.work_on between late_rule.valid_from and late_rule.valid_to
            and coalesce(measured.late_minutes, 1440) >= late_rule.minutes_from
            and (late_rule.minutes_to is null or coalesce(measured.late_minutes, 1440) < late_rule.minutes_to)
    left join rule as early_rule
        on
            measured.is_judged
            and early_rule.class like 'PSW%'
            and measured.work_on between early_rule.valid_from and early_rule.valid_to
            and coalesce(measured.early_leave_minutes, 1440) >= early_rule.minutes_from
            and (early_rule.minutes_to is null or coalesce(measured.early_leave_minutes, 1440) < early_rule.minutes_to)
    left join rule as absence_rule
        on
            absence_rule.class = 'TK'
            and measured.work_on between absence_rule.valid_from and absence_rule.valid_to
),

final as (
    select
        classified.employee_key,
        classified.work_on,
        classified.opd_code,
        classified.opd_name,
        classified.opd_short_name,
        classified.first_in_local_at at time zone '{{ region_time_zone() }}' as first_in_at,
        classified.last_out_local_at at time zone '{{ region_time_zone() }}' as last_out_at,
        classified.punch_count,
        classified.late_minutes,
        classified.early_leave_minutes,
        classified.late_class,
        classified.early_leave_class,
        classified.status_code,
        case classified.status_code
            when 'present' then 'Hadir tepat waktu'
            when 'late' then 'Hadir terlambat'
            when 'absent' then 'Tanpa pemindaian'
            else 'Hadir di hari libur'
        end as status_label,
        classified.deduction_pct::numeric(5, 2) as deduction_pct,
        as_of.data_date
    from classified
    cross join as_of
)

select * from final
